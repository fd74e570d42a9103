import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { mac1Key, writeMacs } from "../../src/engine/cookie/macs.ts";
import { createDevice } from "../../src/engine/create-device.ts";
import type { Device } from "../../src/engine/device.ts";
import { SEED } from "../support/seeded.ts";
import { CRYPTO } from "./support/crypto.ts";
import { deviceConfig, publicKeyOf } from "./support/link.ts";
import { SeededSources } from "./support/sources.ts";

/** Compilers settle before the first look, and what is bounded is full. */
const WARM_UP = 30_000;
const DATAGRAMS = 60_000;
/** Four bytes of each datagram kept would be more. */
const SLACK_BYTES = 240_000;
/** Twenty a millisecond. */
const DATAGRAM_MS = 0.05;
const KINDS = [148, 92, 64, 60] as const;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Sends noise in the shape of each message from ever other addresses; of eight one has a right mac1, and is a handshake. */
class Flood {
  readonly #device: Device;
  readonly #random = new SeededSources(SEED);
  readonly #mac1Key = mac1Key(CRYPTO, publicKeyOf(2));
  #sent = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  go(datagrams: number): void {
    for (const end = this.#sent + datagrams; this.#sent < end; this.#sent += 1) {
      const kind = this.#sent % KINDS.length;
      const bytes = new Uint8Array(KINDS[kind] as number);
      this.#random.fillRandom(bytes.subarray(0, 60));
      bytes.set([1 + kind, 0, 0, 0]);
      if (this.#sent % 16 < 2) writeMacs(CRYPTO, bytes, this.#mac1Key, undefined);
      const { a, b, c } = { a: this.#sent & 255, b: (this.#sent >>> 8) & 255, c: this.#sent >>> 16 };
      const from = { address: Uint8Array.of(10, c, b, a), port: 1 + (this.#sent & 0x7fff), scope: 0 };
      this.#device.receive(bytes, from, 1_000 + this.#sent * DATAGRAM_MS, true);
    }
  }
}

function kept(): number {
  for (let round = 0; round < 3; round += 1) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe("issue 4, clause 8: noise makes nothing grow", () => {
  test.each([
    ["with cookies", true],
    ["without cookies", false],
  ])("under load, from ever other addresses, %s", (_name, cookies) => {
    const config = deviceConfig(2, [1], { cookies });
    const device = createDevice(config, { crypto: CRYPTO, sources: new SeededSources(SEED) });
    const flood = new Flood(device);
    flood.go(WARM_UP);
    const before = kept();
    flood.go(DATAGRAMS);
    expect(kept() - before).toBeLessThan(SLACK_BYTES);
    // It was what it says: each eighth reached the limits, and each of these was answered or refused.
    const { handshakes, cookiesSent } = device.counters;
    expect(handshakes).toBe((WARM_UP + DATAGRAMS) / 8);
    expect(cookiesSent).toBe(cookies ? handshakes : 0);
    expect([...device.peers()][0]?.stats.receivedBytes).toBe(0);
  });
});
