import { describe, expect, test } from "vitest";
import { EndpointFailover } from "../../src/daemon/watch/endpoint-failover.ts";
import type { PeerObserved, TunnelObserved } from "../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { SECOND_PEER_KEY } from "../support/config.ts";

const PEER = `awg-a ${SECOND_PEER_KEY}`;
const [X, Y, Z] = ["192.0.2.1:51820", "[2001:db8::2]:51820", "192.0.2.3:51820"] as const;
const INITIATION_BYTES = 148;

/** A server at each address that answers or not, and an engine that keeps trying while there is traffic. */
class World {
  readonly races = new EndpointFailover();
  readonly failed: string[] = [];
  nowMs = 1_000_000;
  endpoint: string = X;
  answering = new Set<string>();
  hasTraffic = true;
  isOurs = true;
  keepaliveSeconds = 0;
  #peer = { lastHandshakeSeconds: 0, receivedBytes: 0, sentBytes: 0, handshakeAttempts: 0 };
  #lastTryMs = 0;
  /** When it was heard last; it tries again 15 s after that. */
  #heardMs = Number.NEGATIVE_INFINITY;

  constructor(...alternatives: string[]) {
    this.races.follow({ [PEER]: alternatives });
  }

  /** Plans as the expansion does, whenever an address failed. */
  for(seconds: number, plan: (unanswered: readonly string[]) => string | undefined = () => undefined): this {
    for (let second = 0; second < seconds; second += 1) {
      this.nowMs += 1000;
      this.#engine();
      for (const { device, endpoint } of this.races.look(this.#observed(), this.nowMs)) {
        expect(device).toBe("awg-a");
        this.failed.push(endpoint);
        const next = plan(this.races.unanswered[PEER] ?? []);
        if (next !== undefined && next !== this.endpoint) this.#moveTo(next);
      }
    }
    return this;
  }

  /** Another engine begins: it has seen nothing yet. */
  startAnew(): void {
    this.#peer = { lastHandshakeSeconds: 0, receivedBytes: 0, sentBytes: 0, handshakeAttempts: 0 };
    this.#moveTo(this.endpoint);
  }

  #moveTo(endpoint: string): void {
    this.endpoint = endpoint;
    this.#lastTryMs = 0;
    this.#heardMs = Number.NEGATIVE_INFINITY;
  }

  #engine(): void {
    const peer = this.#peer;
    if (this.answering.has(this.endpoint)) {
      if (peer.handshakeAttempts > 0 || peer.lastHandshakeSeconds === 0) peer.lastHandshakeSeconds = this.nowMs / 1000;
      peer.handshakeAttempts = 0;
      this.#heardMs = this.nowMs;
      if (this.hasTraffic) peer.receivedBytes += 96;
      if (this.hasTraffic || this.keepaliveSeconds > 0) peer.sentBytes += 96;
    } else if (this.hasTraffic && this.nowMs - this.#heardMs < 15_000) {
      peer.sentBytes += 96;
    } else if (this.hasTraffic && this.nowMs - this.#lastTryMs >= 5000) {
      this.#lastTryMs = this.nowMs;
      peer.handshakeAttempts += 1;
      peer.sentBytes += INITIATION_BYTES;
    } else if (this.keepaliveSeconds > 0) peer.sentBytes += 32;
  }

  #observed(): TunnelObserved {
    const { handshakeAttempts, ...bytes } = this.#peer;
    const measured = { handshakeAttempts, expectedMessages: 0, acceptedMessages: 0 };
    const peer: PeerObserved = {
      publicKey: SECOND_PEER_KEY,
      endpoint: this.endpoint,
      allowedIPs: [],
      persistentKeepaliveSeconds: this.keepaliveSeconds,
      ...bytes,
      ...(this.isOurs ? { measured } : {}),
    };
    return {
      device: "awg-a",
      protocol: "wireguard",
      engine: this.isOurs ? "embedded" : "userspace",
      running: true,
      privateKey: "id" as SecretId,
      listenPort: 1,
      fwmark: 1,
      obfuscation: {},
      peers: [peer],
    };
  }
}

/** The first that did not fail, else the one that failed longest ago. */
const next =
  (...alternatives: string[]) =>
  (unanswered: readonly string[]) =>
    alternatives.find((one) => !unanswered.includes(one)) ?? unanswered[0];

describe.each([
  ["awg's own engine", true],
  ["an external engine", false],
])("the addresses of a name, with %s", (_name, isOurs) => {
  function world(...alternatives: string[]): World {
    const made = new World(...alternatives);
    made.isOurs = isOurs;
    return made;
  }

  test("the next is taken seven seconds after the first handshake went unanswered, and who answers stays", () => {
    const made = world(X, Y);
    made.answering.add(Y);
    made.for(12, next(X, Y));
    expect(made.failed).toEqual([X]);
    expect(made.endpoint).toBe(Y);
    made.for(300, next(X, Y));
    expect(made.failed).toEqual([X]);
    expect(made.races.unanswered).toEqual({});
  });

  test("each is tried, then the one that failed longest ago, at growing intervals", () => {
    const made = world(X, Y, Z);
    made.for(120, next(X, Y, Z));
    expect(made.failed.slice(0, 6)).toEqual([X, Y, Z, X, Y, Z]);
    const before = made.failed.length;
    made.for(3600, next(X, Y, Z));
    expect(made.failed.length - before).toBeGreaterThan(20);
    expect(made.failed.length - before).toBeLessThan(45);
  });

  test("one that answered is given up only when its session must be over", () => {
    const made = world(X, Y);
    made.answering.add(X);
    made.for(60, next(X, Y));
    made.answering = new Set([Y]);
    made.for(20, next(X, Y));
    expect(made.failed).toEqual([]);
    made.for(15, next(X, Y));
    expect(made.failed).toEqual([X]);
    expect(made.endpoint).toBe(Y);
    // From there the first is as good as any again.
    made.for(30, next(X, Y));
    made.answering = new Set([X]);
    made.for(40, next(X, Y));
    expect(made.endpoint).toBe(X);
  });

  test("an idle peer is never judged, nor one that only gets keepalives", () => {
    const idle = world(X, Y);
    idle.hasTraffic = false;
    expect(idle.for(600).failed).toEqual([]);
    const kept = world(X, Y);
    kept.keepaliveSeconds = 5;
    kept.answering.add(X);
    kept.for(10);
    kept.hasTraffic = false;
    expect(kept.for(600).failed).toEqual([]);
  });

  test("an engine that starts again has not answered because the one before it had", () => {
    const made = world(X, Y);
    made.keepaliveSeconds = 5;
    made.answering.add(X);
    made.for(60, next(X, Y));
    made.answering = new Set([Y]);
    made.startAnew();
    made.for(12, next(X, Y));
    expect(made.failed).toEqual([X]);
    expect(made.endpoint).toBe(Y);
  });

  test("a single address is asked for again and again, so that its name is looked up", () => {
    const made = world(X);
    made.for(600, next(X));
    expect(made.failed.length).toBeGreaterThan(4);
    expect(new Set(made.failed)).toEqual(new Set([X]));
  });
});

test("an address that the name lost is forgotten, and so is everything on another network", () => {
  const made = new World(X, Y);
  made.for(10, () => Y);
  expect(made.races.unanswered).toEqual({ [PEER]: [X] });
  made.races.follow({ [PEER]: [Y, Z] });
  expect(made.races.unanswered).toEqual({});
  made.races.follow({ [PEER]: [X, Y] });
  made.for(20, () => X);
  expect(made.races.unanswered[PEER]).toContain(Y);
  made.races.restart();
  expect(made.races.unanswered).toEqual({});
  expect(made.races.devices).toEqual(["awg-a"]);
  made.races.follow({});
  expect(made.races.devices).toEqual([]);
});

test("a peer without a name, or one that roamed elsewhere, is not looked at", () => {
  const made = new World(X);
  made.endpoint = Z;
  expect(made.for(100).failed).toEqual([]);
  made.races.follow({});
  made.endpoint = X;
  expect(made.for(100).failed).toEqual([]);
});
