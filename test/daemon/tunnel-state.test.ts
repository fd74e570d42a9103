import { describe, expect, test } from "vitest";
import { TunnelState } from "../../src/daemon/watch/tunnel-state.ts";
import type { TunnelObserved, TunnelSpec } from "../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { SECOND_PEER_KEY } from "../support/config.ts";

const SPEC: TunnelSpec = {
  device: "awg-a",
  protocol: "wireguard",
  engine: "userspace",
  privateKey: "id" as SecretId,
  listenPort: 0,
  fwmark: 1,
  peers: [{ publicKey: SECOND_PEER_KEY, endpoint: "192.0.2.1:1", allowedIPs: [], persistentKeepaliveSeconds: 0 }],
  obfuscation: {},
};

/** What an engine says: bytes sent, bytes received, seconds of the last handshake. */
function engine(sentBytes: number, receivedBytes = 0, lastHandshakeSeconds = 0): TunnelObserved {
  const peers = SPEC.peers.map((peer) => ({ ...peer, sentBytes, receivedBytes, lastHandshakeSeconds }));
  return { ...SPEC, running: true, listenPort: 40_000, peers };
}

/** A tunnel looked at once a second, as the daemon does. */
class Watched {
  readonly state = new TunnelState(() => 0);
  readonly probes: number[] = [];
  readonly resolves: number[] = [];
  seconds = 0;

  /** Looks for so many seconds at what the engine says in each. */
  for(seconds: number, says: (second: number) => TunnelObserved | undefined, spec = SPEC): this {
    for (const endsAt = this.seconds + seconds; this.seconds < endsAt; this.seconds += 1) {
      const { probe, resolve } = this.state.look(says(this.seconds), spec, this.seconds * 1000);
      if (probe) this.probes.push(this.seconds);
      if (resolve) this.resolves.push(this.seconds);
    }
    return this;
  }
}

const idle = () => engine(0);
const sending = (second: number) => engine(148 + second * 100);
const talking = (second: number) => engine(148 + second * 100, 92 + second * 100, 1 + Math.floor((second + 119) / 120));
/** It was heard until then. */
const silentSince = (last: number) => (second: number) => engine(148 + second * 100, 92 + last * 100, 2);

describe("law 1: a tunnel counts as down only when it sends and gets no answer", () => {
  test("a new tunnel without traffic is not down, however long that lasts", () => {
    expect(new Watched().for(3600, idle).state.isDown).toBe(false);
  });

  test("a tunnel that is used and answers is up", () => {
    const watched = new Watched().for(600, talking);
    expect([watched.state.name, watched.state.isDown]).toEqual(["up", false]);
  });

  test("empty packets, which get no answer, are no use of the tunnel", () => {
    const watched = new Watched().for(1, idle).for(5, () => engine(348, 692, 2));
    watched.for(600, (second) => engine(348 + 32 * Math.floor((second - 5) / 10), 692, 2));
    expect([watched.state.name, watched.state.isDown, watched.probes]).toEqual(["up", false, [0]]);
  });

  test("empty packets that AmneziaWG makes longer are none either, one packet with content is", () => {
    const obfuscated = { ...SPEC, protocol: "amneziawg" as const, obfuscation: { s4: "20" } };
    const watched = new Watched().for(1, idle, obfuscated).for(5, () => engine(348, 692, 2), obfuscated);
    watched.for(60, () => engine(348 + 52, 692, 2), obfuscated);
    expect([watched.state.name, watched.state.isDown]).toEqual(["up", false]);
    watched.for(60, () => engine(348 + 52 + 68, 692, 2), obfuscated);
    expect(watched.state.isDown).toBe(true);
  });

  test("a session of hours without a word in either direction is not down", () => {
    const watched = new Watched()
      .for(5, talking)
      .for(7200, () => talking(4))
      .for(1, () => engine(10_000, 492, 2));
    expect([watched.state.name, watched.state.isDown]).toEqual(["stale", false]);
    watched.for(1, () => engine(10_200, 700, 3));
    expect([watched.state.name, watched.state.isDown]).toEqual(["up", false]);
  });

  test.each([
    ["at first, after 15 s of asking", 0, 15],
    ["after it was up: 15 s of silence and 15 s of handshakes", 20, 30],
  ])("a peer that does not answer %s", (_name, upSeconds, limit) => {
    const watched = new Watched().for(upSeconds, talking);
    const says = upSeconds === 0 ? sending : silentSince(upSeconds - 1);
    watched.for(limit, says);
    expect(watched.state.isDown).toBe(false);
    watched.for(4, says);
    expect(watched.state.isDown).toBe(true);
  });

  test("the first answer brings it up again, whatever the try it was at", () => {
    for (let downSeconds = 20; downSeconds < 120; downSeconds += 7) {
      const watched = new Watched().for(downSeconds, sending);
      expect(watched.state.isDown).toBe(true);
      watched.for(1, (second) => engine(148 + second * 100, 92, 1));
      expect([watched.state.name, watched.state.isDown]).toEqual(["up", false]);
    }
  });

  test.each([
    ["back", 1],
    ["forward", 4_000_000_000],
  ])("B13: a wall clock that is set %s a year hides no handshake, and makes none", (_way, second) => {
    const at = (sentBytes: number, seconds: number) => engine(sentBytes, sentBytes, 2_000_000_000 + seconds);
    const watched = new Watched().for(20, (one) => at(148 + one * 100, Math.floor(one / 10)));
    expect(watched.state.name).toBe("up");
    const silent = (one: number) => engine(148 + one * 100, 2048, 2_000_000_001);
    watched.for(40, silent);
    expect([watched.state.name, watched.state.isDown]).toEqual(["handshaking", true]);
    watched.for(1, (one) => engine(148 + one * 100, 4096, second));
    expect([watched.state.name, watched.state.isDown]).toEqual(["up", false]);
    watched.for(600, (one) => engine(148 + one * 100, 4096 + one * 10, second + Math.floor(one / 120)));
    expect([watched.state.name, watched.state.isDown]).toEqual(["up", false]);
  });

  test("a peer that is heard but not reached: down when the last session has ended", () => {
    const watched = new Watched().for(20, talking);
    const deaf = (second: number) => engine(148 + second * 100, 92 + second * 148, 2);
    watched.for(170, deaf);
    expect(watched.state.isDown).toBe(false);
    watched.for(40, deaf);
    expect(watched.state.isDown).toBe(true);
    watched.for(400, deaf);
    expect(watched.state.isDown).toBe(true);
  });

  test("no peer with an address, and none that could dial in: down at the first look, up with the name", () => {
    const nowhere = { ...SPEC, peers: SPEC.peers.map(({ endpoint: _gone, ...peer }) => peer) };
    const watched = new Watched().for(1, idle, nowhere);
    expect(watched.state.isDown).toBe(true);
    expect(new Watched().for(600, idle, { ...nowhere, listenPort: 51_820 }).state.isDown).toBe(false);
    watched.for(5, (second) => engine(148 + second, 92, 7));
    expect(watched.state.isDown).toBe(false);
  });
});

describe("an engine", () => {
  test("that is started again within moments leaves the tunnel as it is", () => {
    const watched = new Watched().for(20, talking).for(2, () => undefined);
    watched.for(30, (second) => engine(148 + second, second, 2));
    expect(watched.state.isDown).toBe(false);
  });

  test("that was replaced is up with its first handshake, whenever that is seen", () => {
    const watched = new Watched().for(20, sending).for(1, () => undefined);
    expect(watched.state.isDown).toBe(true);
    watched.for(2, () => engine(148, 92, 300));
    expect([watched.state.name, watched.state.isDown]).toEqual(["up", false]);
  });

  test("that goes on after it was stopped is no sign of its peer", () => {
    const unheard = (second: number) => engine(148 + second * 100, 92, 300);
    const watched = new Watched().for(1, () => engine(148, 92, 299)).for(20, unheard);
    watched.for(1, () => undefined).for(2, unheard);
    expect(watched.state.name).not.toBe("up");
  });

  test("that stays away is a tunnel that is down", () => {
    const watched = new Watched().for(20, talking).for(30, () => undefined);
    expect(watched.state.isDown).toBe(true);
  });
});

describe("while it is down", () => {
  test("peers are asked and names looked up again and again, never faster than a handshake may take", () => {
    const { probes, resolves } = new Watched().for(600, sending);
    expect(resolves.length).toBeGreaterThan(5);
    expect(probes.length).toBeGreaterThan(5);
    const gaps = probes.slice(1).map((second, index) => second - (probes[index] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(80);
  });
});
