import { describe, expect, test } from "vitest";
import { createAmneziaWire } from "../../../src/engine/awg/amnezia-wire.ts";
import type { PacketTemplate } from "../../../src/engine/awg/packet-template.ts";
import type { AmneziaParameters } from "../../../src/engine/awg/parameters.ts";
import type { PeerWire } from "../../../src/engine/wire/wire-format.ts";
import { type Draw, scriptedSources } from "../scripted-sources.ts";
import { parametersOf } from "./exchange-reader.ts";
import {
  type Exchange,
  exchangeNames,
  hexOf,
  indexedCounts,
  type RecordedPacket,
  readExchange,
} from "./recorded-exchange.ts";
import { drawsOf, labelTags, type TagLabels } from "./signature-packet.ts";

/** The datagrams that went before one initiation, and the moment of the first. */
interface Preamble {
  readonly packets: readonly RecordedPacket[];
  readonly atMs: number;
  readonly unixSeconds: number;
}

/** Preambles in order; what the quirk of 3.0 sends between data belongs to none. */
function preamblesOf(exchange: Exchange): readonly Preamble[] {
  const preambles: Preamble[] = [];
  let packets: RecordedPacket[] = [];
  for (const packet of exchange.packets) {
    if (packet.decoded.kind === "junk-or-signature") packets.push(packet);
    else {
      const [first] = packets;
      if (packet.decoded.kind === "initiation" && first !== undefined)
        preambles.push({ packets, atMs: first.atMs, unixSeconds: first.unixSeconds });
      packets = [];
    }
  }
  return preambles;
}

interface Labelled {
  readonly template: PacketTemplate;
  readonly labels: TagLabels;
}

/** The signature packets at the head of a preamble, each read by its template; every one must be of its template. */
function labelled(templates: readonly PacketTemplate[], { packets }: Preamble): readonly Labelled[] {
  return templates.map((template, index) => {
    const packet = packets[index];
    const labels = packet && labelTags(template, packet.payload);
    if (labels === undefined) throw new Error(`packet ${packet?.n} is not of its template`);
    return { template, labels };
  });
}

/** The draws that make the preamble again. The counter's start is drawn from 2.0 on. */
function drawsFor(parameters: AmneziaParameters, preamble: Preamble, signatures: readonly Labelled[]): Draw[] {
  const { smallestBytes: low, largestBytes } = parameters.junk;
  const high = parameters.generation === "2.0" ? largestBytes : Math.max(low, largestBytes - 1);
  const first = { value: 0, low: 0, high: 2 ** 32 - 1 };
  return [
    ...(parameters.generation === "1.5" ? [] : [first]),
    ...signatures.flatMap(({ template, labels }) => drawsOf(template, labels).map((bytes) => ({ bytes }))),
    ...preamble.packets
      .slice(signatures.length)
      .flatMap(({ payload }) => [{ value: payload.length, low, high }, { bytes: payload }]),
  ];
}

function make(
  parameters: AmneziaParameters,
  peer: PeerWire,
  draws: readonly Draw[],
  atMs: number,
  unixSeconds: number,
): readonly string[] {
  return createAmneziaWire(parameters, scriptedSources(draws)).beforeInitiation(peer, atMs, unixSeconds).map(hexOf);
}

/** The memory of the initiator as it was before this preamble: 1.5 counts packets and remembers its last signatures. */
function memoryBefore(parameters: AmneziaParameters, earlier: readonly Preamble[]): PeerWire {
  const peer = createAmneziaWire(parameters, scriptedSources([])).forPeer();
  for (const { atMs } of earlier) make(parameters, peer, [], atMs, 0);
  return peer;
}

/**
 * Parameters as the initiator's release has them: nothing in the captures of 2.0 without ranges or of 3.x without new
 * keys tells the release, which the sizes of junk and the width of tags depend on.
 */
function initiatorOf(exchange: Exchange): AmneziaParameters {
  const parameters = parametersOf(exchange, "a");
  return exchange.name.startsWith("awg15") ? { ...parameters, generation: "1.5" } : parameters;
}

describe("what goes before an initiation", () => {
  let remade = 0;

  test.each(exchangeNames())("%s: every signature packet is labelled, and all are made again", (name) => {
    const exchange = readExchange(name);
    const parameters = initiatorOf(exchange);
    const preambles = preamblesOf(exchange);
    for (const [index, preamble] of preambles.entries()) {
      const isRetryOf15 = parameters.generation === "1.5" && index > 0;
      const templates = isRetryOf15 ? parameters.controlledJunk : parameters.signature;
      const signatures = labelled(templates, preamble);
      expect(preamble.packets.length).toBe(templates.length + parameters.junk.count);
      for (const { payload } of preamble.packets.slice(templates.length)) {
        expect(payload.length).toBeGreaterThanOrEqual(parameters.junk.smallestBytes);
        expect(payload.length).toBeLessThanOrEqual(parameters.junk.largestBytes);
      }
      const draws = drawsFor(parameters, preamble, signatures);
      const wanted = preamble.packets.map(({ payload }) => hexOf(payload));
      const times = signatures.flatMap(({ labels }) => labels.unixSeconds ?? []);
      for (const time of times) expect(Math.abs(time - preamble.unixSeconds)).toBeLessThanOrEqual(1);
      const unixSeconds = times[0] ?? preamble.unixSeconds;
      const memory = () => memoryBefore(parameters, preambles.slice(0, index));
      expect(make(parameters, memory(), draws, preamble.atMs, unixSeconds)).toEqual(wanted);
      if (times.length > 0)
        expect(make(parameters, memory(), draws, preamble.atMs, unixSeconds + 1)).not.toEqual(wanted);
      expectEveryDrawMatters(draws, (other) => make(parameters, memory(), other, preamble.atMs, unixSeconds), wanted);
      remade += wanted.length;
    }
  });

  test("no recorded signature or junk packet is left out", () => {
    const all = exchangeNames().flatMap((name) => readExchange(name).packets);
    const quirks = 2;
    expect(remade).toBe(all.filter(({ decoded }) => decoded.kind === "junk-or-signature").length - quirks);
    expect(all.length).toBe([...indexedCounts().values()].reduce((sum, count) => sum + count, 0));
  });

  test("1.5: counters go on over packets, junk and initiation", () => {
    const exchange = readExchange("awg15-retry");
    const parameters = initiatorOf(exchange);
    const counters = preamblesOf(exchange).map((preamble, index) => {
      const signatures = labelled(index === 0 ? parameters.signature : parameters.controlledJunk, preamble);
      return signatures.map(({ labels }) => labels.counter).filter((counter) => counter !== undefined);
    });
    expect(counters).toEqual([[1], [7], [14]]);
  });
});

/** Flips one bit of each drawn field in turn. */
function expectEveryDrawMatters(
  draws: readonly Draw[],
  makeWith: (draws: readonly Draw[]) => readonly string[],
  wanted: readonly string[],
): void {
  for (const [index, draw] of draws.entries()) {
    if (!("bytes" in draw) || draw.bytes.length === 0) continue;
    const bytes = draw.bytes.slice();
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    expect(makeWith(draws.with(index, { bytes }))).not.toEqual(wanted);
  }
}
