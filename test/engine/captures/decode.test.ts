import { describe, expect, test } from "vitest";
import { ExchangeReader, parametersOf } from "./exchange-reader.ts";
import { exchangeNames, hexOf, indexedCounts, readExchange } from "./recorded-exchange.ts";

describe("every recorded datagram is read as it was sent", () => {
  test("all exchanges are here, none is left out", () => {
    const names = exchangeNames();
    expect(names.length).toBeGreaterThanOrEqual(22);
    expect(new Set(names)).toEqual(new Set(indexedCounts().keys()));
    for (const name of names) expect(readExchange(name).packets.length).toBe(indexedCounts().get(name));
  });

  test("the exchanges cover every generation", () => {
    for (const generation of ["wg-plain", "awg10", "awg15", "awg20", "awg30", "awg31"])
      expect(exchangeNames().filter((name) => name.startsWith(generation))).not.toEqual([]);
  });

  test.each(exchangeNames())("%s", (name) => {
    const exchange = readExchange(name);
    const reader = new ExchangeReader(exchange);
    for (const packet of exchange.packets) {
      const { decoded } = packet;
      const reading = reader.read(packet);
      expect([packet.n, reading?.kind ?? "junk-or-signature"]).toEqual([packet.n, decoded.kind]);
      if (reading === undefined) continue;
      if (reading.kind === "transport") {
        expect(reading.headerWord).toBe(decoded.header);
        expect(reading.counter).toBe(decoded.counter);
        expect(reading.paddingBytes).toBe(decoded.padding);
        expect(hexOf(reading.plaintext)).toBe(decoded.plaintext);
        continue;
      }
      expect(hexOf(reading.message)).toBe(decoded.message);
      const kind = reading.kind === "cookie-reply" ? "cookie" : reading.kind;
      expect(parametersOf(exchange, packet.from).paddingBytes[kind]).toBe(decoded.padding);
      if (reading.kind === "cookie-reply") expect(hexOf(reading.cookie)).toBe(decoded.cookie);
      else expect(reading.tokens).toEqual(decoded.transcript);
      if (reading.kind === "initiation") expect(hexOf(reading.timestamp)).toBe(decoded.tai64n);
    }
    expectLoggedKeys(exchange, reader);
  });

  /** The keys of every session that the programs logged are those derived here. */
  function expectLoggedKeys(exchange: ReturnType<typeof readExchange>, reader: ExchangeReader): void {
    for (const side of ["a", "b"] as const) {
      for (const entry of exchange.keyLog[side]) {
        if (entry.event !== "session" || entry.local_index === undefined) continue;
        expect(hexOf(reader.sessionKey(side, entry.local_index) ?? new Uint8Array(0))).toBe(entry.recv_key);
      }
    }
  }
});
