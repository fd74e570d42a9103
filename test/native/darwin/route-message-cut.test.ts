import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AwgError } from "../../../src/model/error.ts";
import { ROUTE } from "../../../src/native/darwin/constants.ts";
import { cutMessages } from "../../../src/native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage, encodeRouteRequest } from "../../../src/native/darwin/route/route-message.codec.ts";
import { factsFolder } from "../../support/facts.ts";

const fixtures = factsFolder("darwin-fixtures/raw-route-sockaddrs");

/** A whole message that a Mac sent, where the captures are here. */
function captured(): readonly Uint8Array[] {
  const name = fixtures === undefined ? undefined : readdirSync(fixtures).find((one) => one.startsWith("golang-net-6"));
  if (fixtures === undefined || name === undefined) return [];
  const words = readFileSync(join(fixtures, name), "utf8").trim().split(/\s+/);
  return [Uint8Array.from(words, (byte) => Number.parseInt(byte, 16))];
}

function errorOf(read: () => unknown): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error;
  }
}

test("H2: a routing message cut at every byte, with its old length or its new one: read, or an error of the house", () => {
  const encoded = encodeRouteRequest({
    type: ROUTE.RTM_ADD,
    flags: ROUTE.RTF_UP,
    destination: { family: 6, address: "2001:db8::", length: 32 },
    nextHop: { address: "fe80::1", scope: 4 },
    pid: 1,
    sequence: 2,
  });
  let cuts = 0;
  for (const whole of [encoded, ...captured()]) {
    for (let cut = 1; cut < whole.length; cut += 1) {
      const said = whole.slice(0, cut);
      expect(errorOf(() => cutMessages(said))).toBeInstanceOf(AwgError);
      said.set([cut & 0xff, cut >> 8].slice(0, cut));
      const error = errorOf(() => cutMessages(said).map((frame) => decodeRouteMessage(frame)));
      if (error !== undefined) expect(error).toBeInstanceOf(AwgError);
      cuts += 1;
    }
  }
  expect(cuts).toBeGreaterThan(100);
});
