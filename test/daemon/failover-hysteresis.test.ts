import { describe, expect, test } from "vitest";
import type { FallbackTunnel } from "../../src/app/apply/fallback.ts";
import { chooseSwitches } from "../../src/daemon/watch/choose-switches.ts";
import { QUICK, TunnelState } from "../../src/daemon/watch/tunnel-state.ts";
import type { TunnelObserved, TunnelSpec } from "../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { SECOND_PEER_KEY } from "../support/config.ts";
import { SEED } from "../support/seeded.ts";

const RUNS = 60;
const MINUTE = 60;

/** An engine behind a link that loses packets: each way this share. */
class LossyEngine {
  loss = 0;
  readonly spec: TunnelSpec;
  readonly #random: () => number;
  #sent = 0;
  #received = 0;
  #handshake = 0;
  #retryAt = Number.POSITIVE_INFINITY;

  constructor(device: string, random: () => number) {
    this.#random = random;
    const peer = { publicKey: SECOND_PEER_KEY, endpoint: "192.0.2.1:1", allowedIPs: [], persistentKeepaliveSeconds: 0 };
    this.spec = {
      device,
      protocol: "wireguard",
      engine: "embedded",
      privateKey: "id" as SecretId,
      listenPort: 0,
      fwmark: 1,
      peers: [peer],
      obfuscation: {},
    };
  }

  /** A question of a program, which is answered unless one of the two packets is lost. */
  carry(): void {
    if (this.#handshake === 0) this.shakeHands(0);
    this.#sent += 100;
    if (this.#arrives()) this.#received += 100;
  }

  shakeHands(second: number): void {
    this.#sent += 148;
    this.#retryAt = second + 5;
    if (!this.#arrives()) return;
    this.#received += 92;
    this.#handshake += 1;
    this.#retryAt = Number.POSITIVE_INFINITY;
  }

  look(second: number): TunnelObserved {
    if (second >= this.#retryAt) this.shakeHands(second);
    const counters = { sentBytes: this.#sent, receivedBytes: this.#received, lastHandshakeSeconds: this.#handshake };
    return { ...this.spec, running: true, peers: this.spec.peers.map((peer) => ({ ...peer, ...counters })) };
  }

  #arrives(): boolean {
    return this.#random() >= this.loss && this.#random() >= this.loss;
  }
}

/** A tunnel and the one that stands in for it, looked at once a second as the daemon does. */
class Pair {
  readonly first: LossyEngine;
  readonly second: LossyEngine;
  /** How often traffic left the first tunnel, and how often it came back. */
  readonly moves = { away: 0, back: 0 };
  #states: ReadonlyMap<string, TunnelState>;
  #away: readonly string[] = [];
  #tunnels: readonly FallbackTunnel[];
  #second = 0;

  constructor(random: () => number) {
    this.first = new LossyEngine("awg-a", random);
    this.second = new LossyEngine("awg-b", random);
    this.#states = new Map([this.first, this.second].map(({ spec }) => [spec.device, new TunnelState(random)]));
    this.#tunnels = [
      { spec: this.first.spec, alternatives: ["awg-b"], standsIn: false },
      { spec: this.second.spec, alternatives: [], standsIn: true, standby: "hot" },
    ];
  }

  get isAway(): boolean {
    return this.#away.length > 0;
  }

  /** Runs for so many seconds, in each of which programs send so many questions. */
  run(seconds: number, questions = 1): this {
    for (const end = this.#second + seconds; this.#second < end; this.#second += 1) this.#step(questions);
    return this;
  }

  #step(questions: number): void {
    const carrier = this.isAway ? this.second : this.first;
    for (let count = 0; count < questions; count += 1) carrier.carry();
    for (const engine of [this.first, this.second]) {
      const { device } = engine.spec;
      const every = device === "awg-b" ? { proofEveryMs: 10_000 } : {};
      const needs = this.#states
        .get(device)
        ?.look(engine.look(this.#second), engine.spec, this.#second * 1000, { timing: QUICK, ...every });
      if (needs?.probe === true) engine.shakeHands(this.#second);
    }
    const wasAway = this.isAway;
    this.#away = chooseSwitches(this.#tunnels, (device) => this.#healthOf(device), this.#away).away;
    if (!wasAway && this.isAway) this.moves.away += 1;
    if (wasAway && !this.isAway) this.moves.back += 1;
  }

  #healthOf(device: string) {
    const state = this.#states.get(device);
    if (state === undefined) return undefined;
    const { isDown, isAlive, isTrusted } = state;
    return { isDown, isAlive, isTrusted, downForMs: state.downForMs(this.#second * 1000) };
  }
}

function pairs(): Pair[] {
  return Array.from({ length: RUNS }, (_, run) => new Pair(seededRandom(SEED + run)));
}

describe("failover", () => {
  test.each([1, 3, 10])(
    "at half the packets lost and %i questions a second traffic moves at most once, and stays",
    (questions) => {
      for (const pair of pairs()) {
        pair.run(30, questions);
        pair.first.loss = 0.5;
        pair.run(20 * MINUTE, questions);
        expect(pair.moves.away).toBeLessThanOrEqual(1);
        expect(pair.moves.back).toBe(0);
      }
    },
  );

  test("at half the packets lost in both tunnels traffic moves at most twice in 20 minutes", () => {
    for (const pair of pairs()) {
      pair.run(30);
      pair.first.loss = 0.5;
      pair.second.loss = 0.5;
      pair.run(20 * MINUTE);
      expect(pair.moves.away).toBeLessThanOrEqual(2);
    }
  });

  test("at 3 % loss nothing moves", () => {
    for (const pair of pairs().slice(0, 20)) {
      pair.first.loss = 0.03;
      pair.second.loss = 0.03;
      expect(pair.run(60 * MINUTE).moves).toEqual({ away: 0, back: 0 });
    }
  });

  test("a tunnel that is gone is left within 13 s, and taken back once it is stable for 25 to 45 s", () => {
    for (const pair of pairs()) {
      pair.run(60);
      pair.first.loss = 1;
      expect(pair.run(13).isAway).toBe(true);
      pair.run(5 * MINUTE);
      pair.first.loss = 0;
      expect(pair.run(24).isAway).toBe(true);
      // Until it is asked again, up to a minute passes.
      expect(pair.run(90).isAway).toBe(false);
      expect(pair.run(10 * MINUTE).moves).toEqual({ away: 1, back: 1 });
    }
  });
});

/** mulberry32 (Tommy Ettinger). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
