import { describe, expect, test } from "vitest";
import { PAPER_TIMING, REKEY_TIMEOUT, REKEY_TIMEOUT_JITTER } from "../../src/engine/constants.ts";
import type { InitiatorState } from "../../src/engine/noise/initiation.ts";
import { deviceConfig, endpoint, innerPacket, numberIn, publicKeyOf, World } from "./support/link.ts";

const RESPONSE_BYTES = 92;

/** Two devices; the first response of the second one is kept from the first. */
class Held {
  readonly world = new World(5);
  #response: Uint8Array | undefined;
  #number = 0;

  constructor(more: Parameters<typeof deviceConfig>[2] = {}) {
    this.world.add("1", deviceConfig(1, [2], more), endpoint(1));
    this.world.add("2", deviceConfig(2, [1]), endpoint(2));
    this.world.onFlight = (bytes, from) => {
      if (this.#response !== undefined || from !== "2" || bytes.length !== RESPONSE_BYTES) return bytes;
      this.#response = bytes.slice();
      return undefined;
    };
    this.send("1");
    this.world.runFor(50);
  }

  get device() {
    return this.world.of("1").device;
  }

  get peer() {
    const peer = this.device.peerByKey(publicKeyOf(2));
    if (peer === undefined) throw new Error("no peer");
    return peer;
  }

  /** What the initiation that waits for the response has kept. */
  get initiator(): InitiatorState | undefined {
    return (this.peer as unknown as { initiator: InitiatorState | undefined }).initiator;
  }

  send(from: "1" | "2"): void {
    this.#number += 1;
    this.world.send(from, from === "1" ? innerPacket(1, 2, this.#number) : innerPacket(2, 1, this.#number));
  }

  /** The kept response arrives from another address; whether it was taken. */
  arrives(): boolean {
    if (this.#response === undefined) throw new Error("no response was sent");
    const { handshakeAttempts } = this.peer.stats;
    this.world.take("1", this.device.receive(this.#response, endpoint(9), this.world.now));
    return this.peer.endpoint?.address[3] === 9 || this.peer.stats.handshakeAttempts < handshakeAttempts;
  }

  talk(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      for (const from of ["1", "2"] as const) this.send(from);
      this.world.runFor(1_000);
    }
  }
}

describe("a response that comes late", () => {
  test("is taken while its initiation waits for it", () => {
    const held = new Held();
    held.world.runFor(4_900);
    expect(held.arrives()).toBe(true);
  });

  test.each([1, 130, 250])("is refused %d s after the peer made a session of its own", (seconds) => {
    const held = new Held();
    const ephemeral = held.initiator?.ephemeralPrivate;
    expect(ephemeral?.some((byte) => byte !== 0)).toBe(true);
    held.send("2");
    held.world.runFor(100);
    expect(held.initiator).toBeUndefined();
    expect(ephemeral?.every((byte) => byte === 0)).toBe(true);
    held.talk(seconds);
    held.world.delivered.length = 0;
    expect(held.arrives()).toBe(false);
    held.talk(40);
    expect(held.world.delivered.map(({ bytes }) => numberIn(bytes)).length).toBe(80);
    expect(held.peer.endpoint).toEqual(endpoint(2));
  });

  test.each([
    ["the paper's wait", { low: REKEY_TIMEOUT, high: REKEY_TIMEOUT }],
    ["a wait of 3 to 7 s", { low: 3_000, high: 7_000 }],
    ["a wait of 1 s", { low: 1_000, high: 1_000 }],
  ])("is refused after %s and the jitter, though nobody was asked in between", (_name, rekeyTimeout) => {
    const held = new Held({ timing: { ...PAPER_TIMING, rekeyTimeout } });
    const ephemeral = held.initiator?.ephemeralPrivate;
    // The machine stood still: the retry is due, and the response is read first.
    held.world.now += rekeyTimeout.high + REKEY_TIMEOUT_JITTER;
    expect(held.arrives()).toBe(false);
    expect(held.initiator?.ephemeralPrivate).not.toBe(ephemeral);
    expect(ephemeral?.every((byte) => byte === 0)).toBe(true);
    held.world.runFor(REKEY_TIMEOUT);
    held.send("1");
    held.world.runFor(REKEY_TIMEOUT);
    expect(held.world.delivered.length).toBeGreaterThan(0);
  });
});
