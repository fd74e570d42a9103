import { describe, expect, test } from "vitest";
import type { UapiParameters } from "../../src/engine/awg/parameters.ts";
import { engineOptions } from "./awg/engine-options.ts";
import { deviceConfig, endpoint, innerPacket, numberIn, World } from "./support/link.ts";

const PLAIN: UapiParameters = {};
const PADDED: UapiParameters = { s1: "33", s2: "47", s3: "21", s4: "17", h1: "11", h2: "12", h3: "13", h4: "14" };
/** What differs from PADDED in S4 alone is what a tolerant reading could mistake. */
const UNPADDED: UapiParameters = { ...PADDED, s4: "0" };
const MASKED: UapiParameters = { ...PADDED, header_protection_key: "07".repeat(32) };
const OTHER_MASK: UapiParameters = { ...PADDED, header_protection_key: "09".repeat(32) };

const CHANGES: readonly [name: string, before: UapiParameters, after: UapiParameters][] = [
  ["WireGuard to AmneziaWG", PLAIN, PADDED],
  ["AmneziaWG to WireGuard", PADDED, PLAIN],
  ["S4 from nothing", UNPADDED, PADDED],
  ["S4 to nothing", PADDED, UNPADDED],
  ["a mask comes", PADDED, MASKED],
  ["another mask", MASKED, OTHER_MASK],
];

const FEW = CHANGES.filter((_change, index) => index % 2 === 0);

/** The former format is sent for this long, and read for a minute more. */
const FORMER_MS = 180_000;

/** How often each says something. */
const STEP_MS = 1_000;

/** Two devices that talk both ways. */
class Talk {
  readonly world = new World(11);
  readonly #said = { a: new Map<number, number>(), b: new Map<number, number>() };
  #number = 0;

  constructor(values: UapiParameters) {
    this.world.add("a", deviceConfig(1, [2], engineOptions(values, 1)), endpoint(1));
    this.world.add("b", deviceConfig(2, [1], engineOptions(values, 2)), endpoint(2));
    this.goOn(2_000);
    this.expectNothingLost();
  }

  change(name: "a" | "b", values: UapiParameters): void {
    const config = deviceConfig(name === "a" ? 1 : 2, [name === "a" ? 2 : 1], engineOptions(values, this.#number));
    this.world.take(name, this.world.of(name).device.configure(config, this.world.now));
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
  test.each(CHANGES)("%s, the other end a minute later: nothing is lost", (_name, before, after) => {
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

  test.each(FEW)("%s, undone after a while: nothing is lost", (_name, before, after) => {
    const talk = new Talk(before);
    talk.change("a", after);
    talk.goOn(20_000);
    talk.change("a", before);
    talk.goOn(FORMER_MS + 5_000);
    talk.expectNothingLost();
  });

  test.each(FEW)(
    "%s, the other end never: it goes on for three minutes, then packets are lost",
    (_name, before, after) => {
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
    },
  );

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
});
