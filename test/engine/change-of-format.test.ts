import { describe, expect, test } from "vitest";
import type { UapiParameters } from "../../src/engine/awg/parameters.ts";
import type { Device, DeviceConfig } from "../../src/engine/device.ts";
import type { Endpoint } from "../../src/engine/endpoint.ts";
import type { WireFormat } from "../../src/engine/wire/wire-format.ts";
import { engineOptions } from "./awg/engine-options.ts";
import { receiveHot, sendHot } from "./support/hot-way.ts";
import { deviceConfig, endpoint, innerPacket, numberIn, World } from "./support/link.ts";

const PLAIN: UapiParameters = {};
const PADDED: UapiParameters = { s1: "33", s2: "47", s3: "21", s4: "17", h1: "11", h2: "12", h3: "13", h4: "14" };
/** What differs from PADDED in S4 alone is what a tolerant reading could mistake. */
const UNPADDED: UapiParameters = { ...PADDED, s4: "0" };
const MASKED: UapiParameters = { ...PADDED, header_protection_key: "07".repeat(32) };
const OTHER_MASK: UapiParameters = { ...PADDED, header_protection_key: "09".repeat(32) };
const WIDE: UapiParameters = { ...PADDED, h4: "14-900" };
const MASKED_WIDE: UapiParameters = { ...MASKED, h4: "14-900" };
const VERY_WIDE: UapiParameters = { ...PADDED, h4: "14-4000000000" };

const CHANGES: readonly [name: string, before: UapiParameters, after: UapiParameters][] = [
  ["WireGuard to AmneziaWG", PLAIN, PADDED],
  ["AmneziaWG to WireGuard", PADDED, PLAIN],
  ["S4 from nothing", UNPADDED, PADDED],
  ["S4 to nothing", PADDED, UNPADDED],
  ["a mask comes", PADDED, MASKED],
  ["another mask", MASKED, OTHER_MASK],
  ["H4 is wider", PADDED, WIDE],
  ["H4 is narrower", WIDE, PADDED],
  ["H4 is wider below a mask", MASKED, MASKED_WIDE],
  ["H4 half as wide as there are words, S4 to nothing", VERY_WIDE, { ...VERY_WIDE, s4: "0" }],
  ["H1 alone is wider", PADDED, { ...PADDED, h1: "20-2000" }],
  ["H2 alone", PADDED, { ...PADDED, h2: "50" }],
  ["trailers come", PADDED, { ...PADDED, random_trailers: "1" }],
  ["trailers go", { ...PADDED, random_trailers: "1" }, PADDED],
];

/** Of those without a common reading. */
const FEW = CHANGES.slice(0, 6).filter((_change, index) => index % 2 === 0);

/** The former format is sent for this long, and read for a minute more. */
const FORMER_MS = 180_000;

/** How often each says something. */
const STEP_MS = 1_000;

/** Two devices that talk both ways. */
class Talk {
  readonly world = new World(11);
  readonly #wires = new Map<Device, WireFormat>();
  readonly #said = { a: new Map<number, number>(), b: new Map<number, number>() };
  #number = 0;
  #seed = 0;

  constructor(values: UapiParameters, way: "slow" | "hot" = "slow") {
    if (way === "hot") {
      this.world.sendWay = sendHot;
      this.world.receiveWay = (device, datagram, from, now) =>
        receiveHot(device, datagram, from, now, this.#wires.get(device));
    }
    this.#add("a", values, endpoint(1));
    this.#add("b", values, endpoint(2));
    this.goOn(2_000);
    this.expectNothingLost();
  }

  change(name: "a" | "b", values: UapiParameters): void {
    const config = this.#config(name, values);
    const { device } = this.world.of(name);
    this.#wires.set(device, config.wire);
    this.world.take(name, device.configure(config, this.world.now));
  }

  /** As released programs do with another format: sessions and the former format are forgotten. */
  restart(name: "a" | "b", values: UapiParameters): void {
    const { device, at } = this.world.of(name);
    device.close();
    this.world.devices.delete(name);
    this.#add(name, values, at);
  }

  #add(name: "a" | "b", values: UapiParameters, at: Endpoint): void {
    const config = this.#config(name, values);
    this.#wires.set(this.world.add(name, config, at), config.wire);
  }

  #config(name: "a" | "b", values: UapiParameters): DeviceConfig {
    this.#seed += 1;
    const [self, other] = name === "a" ? [1, 2] : [2, 1];
    return deviceConfig(self, [other], engineOptions(values, this.#seed));
  }

  goOn(milliseconds: number): void {
    const end = this.world.now + milliseconds;
    while (this.world.now < end) {
      for (const name of ["a", "b"] as const) {
        this.#number += 1;
        this.#said[name].set(this.#number, this.world.now);
        this.world.send(name, name === "a" ? innerPacket(1, 2, this.#number) : innerPacket(2, 1, this.#number));
      }
      this.world.runFor(STEP_MS);
    }
  }

  /** When each lost packet was sent. */
  lost(): readonly number[] {
    const came = new Set(this.world.delivered.map(({ bytes }) => numberIn(bytes)));
    return [...this.#said.a, ...this.#said.b].flatMap(([number, at]) => (came.has(number) ? [] : [at]));
  }

  expectNothingLost(): void {
    expect(this.lost()).toEqual([]);
  }
}

describe("issue 4, point 4: another wire format is made before the former one breaks", () => {
  test.each(CHANGES)("%s, the peer a minute later: nothing is lost", (_name, before, after) => {
    const talk = new Talk(before);
    talk.change("a", after);
    talk.goOn(60_000);
    talk.expectNothingLost();
    talk.change("b", after);
    talk.goOn(FORMER_MS + 5_000);
    talk.expectNothingLost();
    talk.world.sent.length = 0;
    talk.goOn(10_000);
    // Both ends send the new format alone.
    const { wire } = engineOptions(after, 7);
    expect(talk.world.sent.filter(({ bytes }) => wire.candidates(bytes).length === 0)).toEqual([]);
  });

  test.each(CHANGES)("%s, by the hot path, the peer late: nothing is lost", (_name, before, after) => {
    const talk = new Talk(before, "hot");
    talk.change("a", after);
    talk.goOn(FORMER_MS - 10_000);
    talk.change("b", after);
    talk.goOn(30_000);
    talk.expectNothingLost();
  });

  test.each(CHANGES)("%s, the peer restarted first: it is reached from the change on", (_name, before, after) => {
    const talk = new Talk(before);
    talk.restart("b", after);
    talk.goOn(20_000);
    const changedAt = talk.world.now;
    talk.change("a", after);
    talk.goOn(60_000);
    expect(talk.lost().filter((at) => at > changedAt + STEP_MS)).toEqual([]);
  });

  test.each(CHANGES)("%s, undone after a while: nothing is lost", (_name, before, after) => {
    const talk = new Talk(before);
    talk.change("a", after);
    talk.goOn(20_000);
    talk.change("a", before);
    talk.goOn(FORMER_MS + 5_000);
    talk.expectNothingLost();
  });

  test.each(FEW)("%s, the peer never: it goes on for three minutes, then packets are lost", (_name, before, after) => {
    const talk = new Talk(before);
    const changedAt = talk.world.now;
    talk.change("a", after);
    talk.goOn(FORMER_MS + 120_000);
    const lost = talk.lost();
    expect(lost.length).toBeGreaterThan(0);
    expect(Math.min(...lost)).toBeGreaterThanOrEqual(changedAt + FORMER_MS - STEP_MS);
    // One direction may go on: without S4 is what peers with a known defect send, too.
    const late = talk.world.delivered.filter(({ at }) => at > changedAt + FORMER_MS + 90_000);
    expect(new Set(late.map(({ to }) => to)).size).toBeLessThan(2);
  });

  test("a peer that forgets its former format at once is followed with its first packet", () => {
    const talk = new Talk(PLAIN);
    talk.change("a", PADDED);
    talk.goOn(10_000);
    talk.expectNothingLost();
    // As released programs do: from the change on what is sent to it in the former format is lost on it.
    const former = engineOptions(PLAIN, 7).wire;
    let isDeaf = false;
    talk.world.onFlight = (bytes, from) =>
      isDeaf && from === "a" && former.candidates(bytes).length > 0 ? undefined : bytes;
    talk.change("b", PADDED);
    isDeaf = true;
    const changedAt = talk.world.now;
    talk.goOn(FORMER_MS);
    expect(talk.lost().every((at) => at <= changedAt)).toBe(true);
  });

  test("one datagram in the new format turns a peer, one that only a tolerant reading fits does not", () => {
    const talk = new Talk(UNPADDED);
    talk.change("a", PADDED);
    const peer = () => [...talk.world.of("a").device.peers()][0];
    talk.goOn(60_000);
    expect(peer()?.reads.transport.prefixBytes).toBe(0);
    talk.change("a", MASKED);
    talk.change("b", MASKED);
    talk.goOn(STEP_MS);
    expect(peer()?.reads.transport.prefixBytes).toBe(17);
    talk.expectNothingLost();
  });

  test.each(["slow", "hot"] as const)("what both formats can say turns no peer (%s way)", (way) => {
    const talk = new Talk(PADDED, way);
    const words = () => [...talk.world.of("a").device.peers()][0]?.reads.transport.words;
    talk.change("a", WIDE);
    talk.goOn(60_000);
    expect(words()).toEqual([14, 14]);
    // Two ends that wait for each other know nothing; one word in 887 of who does not wait is also the former one.
    talk.change("b", WIDE);
    talk.goOn(10_000);
    expect(words()).toEqual([14, 14]);
    talk.expectNothingLost();
    talk.restart("b", WIDE);
    talk.goOn(10_000);
    expect(words()).toEqual([14, 900]);
    // Who reads the wider range reads the narrower one.
    talk.change("a", PADDED);
    expect(words()).toEqual([14, 14]);
  });
});
