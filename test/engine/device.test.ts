import { describe, expect, test } from "vitest";
import { exactly } from "../../src/engine/constants.ts";
import type { DeviceConfig } from "../../src/engine/device.ts";
import type { Endpoint } from "../../src/engine/endpoint.ts";
import { createInitiation } from "../../src/engine/noise/initiation.ts";
import { tai64n } from "../../src/engine/noise/tai64n.ts";
import { CRYPTO } from "./support/crypto.ts";
import { deviceConfig, endpoint, innerPacket, numberIn, privateKey, publicKeyOf, World } from "./support/link.ts";

function pair(seed = 1, a: Partial<DeviceConfig> = {}): World {
  const world = new World(seed);
  world.add("a", deviceConfig(1, [2], a), endpoint(1));
  world.add("b", deviceConfig(2, [1]), endpoint(2));
  return world;
}

/** A pair with a session both have used. */
function connected(seed = 1): World {
  const world = pair(seed);
  world.send("a", innerPacket(1, 2, 0));
  world.runFor(50);
  world.send("b", innerPacket(2, 1, 0));
  world.runFor(50);
  expect(world.delivered.length).toBe(2);
  world.delivered.length = 0;
  world.sent.length = 0;
  world.events.length = 0;
  return world;
}

function sizes(world: World): (readonly [string, number])[] {
  return world.sent.map(({ from, bytes }) => [from, bytes.length] as const);
}

function initiations(world: World): number {
  return world.sent.filter(({ bytes }) => bytes.length === 148).length;
}

const EMPTY = 32;

describe("a handshake", () => {
  test("the first packet makes the session and arrives over it", () => {
    const world = pair();
    world.send("a", innerPacket(1, 2, 7));
    world.runFor(100);
    expect(world.delivered.map(({ to, bytes }) => [to, numberIn(bytes), bytes.length])).toEqual([["b", 7, 40]]);
    expect(sizes(world)).toEqual([
      ["a", 148],
      ["b", 92],
      ["a", 32 + 48],
    ]);
    expect(world.events.map(({ of, event }) => `${of} ${event}`)).toEqual(["a handshake", "b handshake"]);
  });

  test("without a packet the initiator confirms with an empty message; the responder sends nothing before", () => {
    const world = pair();
    world.take("a", world.of("a").device.connect(publicKeyOf(2), world.now));
    world.runFor(100);
    expect(sizes(world)).toEqual([
      ["a", 148],
      ["b", 92],
      ["a", EMPTY],
    ]);
    expect(world.delivered).toEqual([]);
  });

  test("the responder's own packets wait for the initiator's first message", () => {
    const world = pair();
    world.onFlight = (bytes, from) => (from === "a" && bytes.length === EMPTY ? undefined : bytes);
    world.take("a", world.of("a").device.connect(publicKeyOf(2), world.now));
    world.runFor(20);
    const b = world.of("b").device;
    expect(b.peerByKey(publicKeyOf(1))?.currentSession(world.now)).toBeUndefined();
    world.onFlight = undefined;
    world.send("b", innerPacket(2, 1, 5));
    world.runFor(100);
    expect(world.delivered.map(({ to, bytes }) => [to, numberIn(bytes)])).toEqual([["a", 5]]);
  });

  test("packets sent during it arrive in order; the queue is bounded and drops the oldest, counted", () => {
    const world = pair();
    for (let number = 0; number < 200; number += 1) world.send("a", innerPacket(1, 2, number));
    world.runFor(100);
    const numbers = world.delivered.map(({ bytes }) => numberIn(bytes));
    expect(numbers).toEqual(Array.from({ length: 128 }, (_, index) => 72 + index));
    expect(world.of("a").device.peerByKey(publicKeyOf(2))?.stats.droppedQueued).toBe(72);
    expect(initiations(world)).toBe(1);
  });

  test("what waits is a copy: the caller may use its buffer again", () => {
    const world = pair();
    const buffer = innerPacket(1, 2, 1);
    world.send("a", buffer);
    buffer.set(innerPacket(1, 2, 2));
    world.send("a", buffer);
    world.runFor(100);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([1, 2]);
  });

  test("both may begin at once and both can send afterwards", () => {
    const world = pair();
    world.send("a", innerPacket(1, 2, 1));
    world.send("b", innerPacket(2, 1, 2));
    world.runFor(50);
    world.send("a", innerPacket(1, 2, 3));
    world.send("b", innerPacket(2, 1, 4));
    world.runFor(50);
    expect(world.delivered.map(({ to, bytes }) => [to, numberIn(bytes)]).sort()).toEqual([
      ["a", 2],
      ["a", 4],
      ["b", 1],
      ["b", 3],
    ]);
  });

  test("goes on trying as long as there is something to send, and counts its tries", () => {
    const world = pair();
    world.onFlight = () => undefined;
    for (let second = 0; second < 200; second += 1) {
      world.send("a", innerPacket(1, 2, second));
      world.runFor(1_000);
    }
    expect(initiations(world)).toBeGreaterThan(36);
    expect(world.events).toEqual([]);
    expect([...world.of("a").device.peers()][0]?.stats.handshakeAttempts).toBe(initiations(world));
  });

  test("a peer that is heard again over the existing session is no more queried in vain", () => {
    const world = pair();
    const triesOf = () => world.of("a").device.peerByKey(publicKeyOf(2))?.stats.handshakeAttempts;
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(50);
    world.onFlight = () => undefined;
    world.send("a", innerPacket(1, 2, 2));
    world.runFor(40_000);
    expect(triesOf()).toBeGreaterThan(3);
    world.onFlight = undefined;
    world.send("b", innerPacket(2, 1, 3));
    world.runFor(50);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([1, 3]);
    expect(triesOf()).toBe(0);
  });

  test("goes on trying every 5 s with jitter, gives up after 18 retries, and drops what waited", () => {
    const world = pair();
    world.onFlight = () => undefined;
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(200_000);
    expect(initiations(world)).toBe(19);
    const waits = world.sent.slice(1).map(({ at }, index) => at - (world.sent[index]?.at ?? 0));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(5_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5_333);
    expect(world.events.map(({ event }) => event)).toEqual(["unanswered"]);
    expect(world.of("a").device.peerByKey(publicKeyOf(2))?.stats.droppedQueued).toBe(1);
    world.onFlight = undefined;
    world.send("a", innerPacket(1, 2, 2));
    world.runFor(100);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([2]);
  });

  test("a wall clock that was set back does not lock the peer out", () => {
    const world = connected();
    world.of("a").sources.wallSeconds -= 1_000_000;
    world.runFor(190_000);
    world.send("a", innerPacket(1, 2, 9));
    world.runFor(1_000);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([9]);
  });

  test("B13: nor does it lock out one that was removed and added again in between", () => {
    const world = connected();
    const { device, sources } = world.of("a");
    sources.wallSeconds -= 31_536_000;
    world.take("a", device.configure(deviceConfig(1, []), world.now));
    world.runFor(1_000);
    world.take("a", device.configure(deviceConfig(1, [2]), world.now));
    world.sent.length = 0;
    world.send("a", innerPacket(1, 2, 9));
    world.runFor(1_000);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([9]);
    expect(initiations(world)).toBe(1);
  });

  test("B13: an engine that is started again behind its former clock gets that clock", () => {
    for (const [isReported, arrived] of [
      [false, []],
      [true, [9]],
    ] as const) {
      const world = connected();
      const { sources } = world.of("a");
      const notBeforeSeconds = Math.ceil(sources.wallSeconds) + 1;
      world.add("a", deviceConfig(1, [2], isReported ? { notBeforeSeconds } : {}), endpoint(1));
      world.of("a").sources.wallSeconds = sources.wallSeconds - 31_536_000;
      world.send("a", innerPacket(1, 2, 9));
      world.runFor(4_000);
      expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual(arrived);
    }
  });

  test("an initiation replayed, at once or later, is not answered", () => {
    const world = pair();
    let captured: Uint8Array | undefined;
    world.onFlight = (bytes) => {
      if (bytes.length === 148) captured ??= bytes;
      return bytes;
    };
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(1_000);
    const b = world.of("b").device;
    const before = b.counters.replayedHandshake;
    expect(b.receive(captured ?? new Uint8Array(0), endpoint(77), world.now)).toEqual([]);
    expect(b.counters.replayedHandshake).toBe(before + 1);
    expect(b.peerByKey(publicKeyOf(1))?.endpoint).toEqual(endpoint(1));
  });
});

describe("a responder", () => {
  /** An initiation of device 1 to device 2 that says it was made at this second. */
  function initiation(seconds: number): Uint8Array {
    const made = createInitiation(CRYPTO, {
      identity: { privateKey: privateKey(1), publicKey: publicKeyOf(1) },
      remoteStatic: publicKeyOf(2),
      staticShared: CRYPTO.dh(privateKey(1), publicKeyOf(2)) ?? new Uint8Array(32),
      ephemeralPrivate: privateKey(seconds),
      timestamp: tai64n({ seconds, nanoseconds: 0 }),
      senderIndex: seconds,
      headerWord: 1,
    });
    return made?.message ?? new Uint8Array(0);
  }

  test("answers initiations with ever later timestamps, at most one in 20 ms", () => {
    const { device } = pair().of("b");
    const answers = (seconds: number, now: number): number =>
      device.receive(initiation(seconds), endpoint(1), now).filter(({ kind }) => kind === "datagram").length;
    expect(answers(100, 1_000)).toBe(1);
    expect(answers(101, 1_019)).toBe(0);
    expect(answers(101, 1_020)).toBe(1);
    expect(answers(101, 2_000)).toBe(0);
    expect(answers(99, 3_000)).toBe(0);
    expect(device.counters.replayedHandshake).toBe(3);
    expect(answers(102, 4_000)).toBe(1);
  });

  test("does not know a peer that it was not given", () => {
    const world = new World(2);
    world.add("a", deviceConfig(1, [2]), endpoint(1));
    world.add("b", deviceConfig(2, [3]), endpoint(2));
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(1_000);
    expect(sizes(world)).toEqual([["a", 148]]);
    expect(world.of("b").device.counters.badHandshake).toBe(1);
  });
});

describe("keeping a session", () => {
  test("data without an answer for 10 s gets an empty message back, and silence afterwards", () => {
    const world = connected();
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(60_000);
    expect(
      world.sent.slice(1).map(({ from, bytes, at }) => [from, bytes.length, at - (world.sent[0]?.at ?? 0)]),
    ).toEqual([["b", EMPTY, 10_001]]);
  });

  test("data that nothing answers makes a new handshake after 15 s", () => {
    const world = connected();
    world.onFlight = (_bytes, from) => (from === "b" ? undefined : _bytes);
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(16_000);
    expect(initiations(world)).toBe(1);
    const [data, retry] = world.sent.filter(({ from }) => from === "a");
    expect((retry?.at ?? 0) - (data?.at ?? 0)).toBeGreaterThanOrEqual(15_000);
    expect((retry?.at ?? 0) - (data?.at ?? 0)).toBeLessThanOrEqual(15_333);
  });

  test("the initiator rekeys after 120 s of sending; nothing is lost in between", () => {
    const world = connected();
    let number = 0;
    for (let second = 0; second < 400; second += 1) {
      world.send("a", innerPacket(1, 2, number));
      world.send("b", innerPacket(2, 1, number));
      number += 1;
      world.runFor(1_000);
    }
    expect(world.delivered.length).toBe(800);
    expect(new Set(world.delivered.map(({ to, bytes }) => `${to} ${numberIn(bytes)}`)).size).toBe(800);
    expect(initiations(world)).toBe(3);
    expect(world.sent.filter(({ from, bytes }) => from === "b" && bytes.length === 148)).toEqual([]);
  });

  test("an initiator that only receives refreshes from 165 s on, before it has to send anything", () => {
    const world = connected();
    world.runFor(165_500);
    expect(initiations(world)).toBe(0);
    const start = world.now;
    world.send("b", innerPacket(2, 1, 5));
    world.runFor(50);
    expect(world.delivered.length).toBe(1);
    const first = world.sent.find(({ bytes }) => bytes.length === 148);
    expect([first?.from, (first?.at ?? 0) - start]).toEqual(["a", 1]);
  });

  test("a message that comes after the session's 180 s is not read, on either path", () => {
    const world = connected();
    world.send("a", innerPacket(1, 2, 1));
    const late = world.sent.at(-1)?.bytes ?? new Uint8Array(0);
    world.onFlight = () => undefined;
    const b = world.of("b").device;
    const index = new DataView(late.buffer).getUint32(4, true);
    expect(b.sessionByIndex(index, world.now)).toBeDefined();
    expect(b.sessionByIndex(index, world.now + 180_000)).toBeUndefined();
    expect(b.receive(late, endpoint(1), world.now + 180_000)).toEqual([]);
    expect(b.counters.unknownIndex).toBe(1);
  });

  test("a session renews itself after 2^48 messages and ends before its counters do", () => {
    const world = connected();
    const { device } = world.of("b");
    const session = device.peerByKey(publicKeyOf(1))?.currentSession(world.now);
    if (session === undefined) throw new Error("no session");
    world.runFor(6_000);
    expect(session.takeCounters(2 ** 48)).toBe(1);
    device.noteSent(session, 1, 100, world.now);
    expect(device.nextDeadline()).toBeLessThanOrEqual(world.now);
    expect(device.tick(world.now).map((output) => output.kind === "datagram" && output.bytes.length)).toEqual([148]);
    expect(session.takeCounters(2 ** 53)).toBe(-1);
    expect(session.takeCounters(2 ** 53 - 2 ** 13 - 1 - (2 ** 48 + 1))).toBe(2 ** 48 + 1);
    expect(session.takeCounters(1)).toBe(-1);
    expect(device.peerByKey(publicKeyOf(1))?.currentSession(world.now)).toBeUndefined();
  });

  test("a persistent keepalive connects by itself and keeps sending; off is quiet", () => {
    const world = new World(3);
    const config = deviceConfig(1, [2]);
    const peers = config.peers.map((peer) => ({ ...peer, persistentKeepalive: exactly(25_000) }));
    world.add("a", { ...config, peers }, endpoint(1));
    world.add("b", deviceConfig(2, [1]), endpoint(2));
    world.runFor(110_000);
    const empties = world.sent.filter(({ from, bytes }) => from === "a" && bytes.length === EMPTY);
    expect(initiations(world)).toBe(1);
    expect(empties.length).toBe(5);
    world.take("a", world.of("a").device.configure(config, world.now));
    world.sent.length = 0;
    world.runFor(100_000);
    expect(world.sent).toEqual([]);
  });

  test("keys without renewal stop working at 180 s and are zeroed at 540 s", () => {
    const world = connected();
    const session = world.of("a").device.peerByKey(publicKeyOf(2))?.currentSession(world.now);
    expect(session).toBeDefined();
    world.runFor(181_000);
    expect(world.of("a").device.peerByKey(publicKeyOf(2))?.currentSession(world.now)).toBeUndefined();
    expect(world.of("b").device.sessionByIndex(session?.remoteIndex ?? 0, world.now)).toBeUndefined();
    expect(session?.sendKey.some((byte) => byte !== 0)).toBe(true);
    world.runFor(360_000);
    expect(world.events.map(({ of, event }) => `${of} ${event}`).sort()).toEqual(["a expired", "b expired"]);
    expect(session?.sendKey.every((byte) => byte === 0)).toBe(true);
    expect(session?.receiveKey.every((byte) => byte === 0)).toBe(true);
  });
});

describe("the timing ranges of AmneziaWG 3", () => {
  const seconds = (low: number, high: number) => ({ low: low * 1000, high: high * 1000 });
  const timing = {
    rekeyAfterTime: seconds(60, 80),
    rekeyTimeout: seconds(3, 7),
    rejectAfterTime: seconds(150, 180),
    keepaliveTimeout: seconds(5, 15),
    maxHandshakeAttempts: { low: 5, high: 9 },
  };

  test("every rekey comes within its range, and they differ", () => {
    const world = pair(4, { timing });
    for (let second = 0; second < 1_000; second += 1) {
      world.send("a", innerPacket(1, 2, second));
      world.runFor(1_000);
    }
    const times = world.sent.filter(({ bytes }) => bytes.length === 148).map(({ at }) => at);
    const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(waits.length).toBeGreaterThan(10);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(60_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(81_100);
    expect(new Set(waits).size).toBeGreaterThan(5);
    expect(world.delivered.length).toBe(1_000);
  });

  test("retries wait 3 to 7 s and jitter, as often as the range allows", () => {
    const world = pair(4, { timing });
    world.onFlight = () => undefined;
    const counts = new Set<number>();
    for (let round = 0; round < 8; round += 1) {
      world.sent.length = 0;
      world.send("a", innerPacket(1, 2, round));
      world.runFor(200_000);
      counts.add(initiations(world));
      const waits = world.sent.slice(1).map(({ at }, index) => at - (world.sent[index]?.at ?? 0));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(3_000);
      expect(Math.max(...waits)).toBeLessThanOrEqual(7_333);
    }
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(6);
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
  });
});

describe("roaming", () => {
  test("the endpoint follows the address that authenticates, in either direction", () => {
    const world = connected();
    world.move("a", endpoint(99, 4444));
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(10);
    world.send("b", innerPacket(2, 1, 2));
    world.runFor(10);
    expect(world.delivered.map(({ to }) => to)).toEqual(["b", "a"]);
    expect(world.of("b").device.peerByKey(publicKeyOf(1))?.endpoint).toEqual(endpoint(99, 4444));
    expect(world.events.map(({ of, event }) => `${of} ${event}`)).toEqual(["b roamed"]);
  });

  test("the same address in another object moves nothing: what is known of the path there stays known", () => {
    const world = connected();
    const b = world.of("b").device;
    const from = (local?: Uint8Array) => ({ ...endpoint(1), ...(local === undefined ? {} : { local }) });
    const sendFrom = (at: Endpoint) => {
      world.onFlight = (bytes) => {
        world.take("b", b.receive(bytes, at, world.now));
        return undefined;
      };
      world.send("a", innerPacket(1, 2, 1));
      world.runFor(10);
      return b.peerByKey(publicKeyOf(1))?.endpoint;
    };
    const known = sendFrom(from());
    expect(sendFrom(from())).toBe(known);
    const [near, far] = [from(Uint8Array.of(192, 0, 2, 1)), from(Uint8Array.of(192, 0, 2, 7))];
    expect(sendFrom(near)).toBe(near);
    expect(sendFrom({ ...near })).toBe(near);
    expect(sendFrom(far)).toBe(far);
    expect(world.events.filter(({ event }) => event === "roamed")).toEqual([]);
  });

  test("a response from another address of the peer moves it too, and new initiations go there", () => {
    const world = pair();
    world.move("b", endpoint(55));
    const { device } = world.of("a");
    world.onFlight = (bytes) => {
      if (bytes.length === 148) world.take("b", world.of("b").device.receive(bytes, endpoint(1), world.now));
      return bytes;
    };
    world.send("a", innerPacket(1, 2, 1));
    world.runFor(100);
    expect(device.peerByKey(publicKeyOf(2))?.endpoint).toEqual(endpoint(55));
    expect(world.events.filter(({ of, event }) => of === "a" && event === "roamed").length).toBe(1);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([1]);
  });

  test("nothing that does not authenticate moves it: not a flipped bit, not a replay", () => {
    const world = connected();
    world.send("a", innerPacket(1, 2, 1));
    const datagram = world.sent.at(-1)?.bytes ?? new Uint8Array(0);
    const b = world.of("b").device;
    const bad = datagram.slice();
    bad[40] = (bad[40] as number) ^ 1;
    expect(b.receive(bad, endpoint(66), world.now)).toEqual([]);
    expect(b.counters.badTransport).toBe(1);
    world.runFor(10);
    expect(world.delivered.length).toBe(1);
    expect(b.receive(datagram, endpoint(66), world.now)).toEqual([]);
    expect(b.counters.replayed).toBe(1);
    expect(b.peerByKey(publicKeyOf(1))?.endpoint).toEqual(endpoint(1));
  });
});

describe("inner packets", () => {
  test("a source that is not the peer's is dropped and counted; padding is taken off", () => {
    const world = connected();
    world.send("a", innerPacket(9, 2, 1));
    world.send("a", innerPacket(1, 2, 2, 41));
    world.runFor(20);
    expect(world.delivered.map(({ bytes }) => bytes.length)).toEqual([41]);
    expect(world.of("b").device.counters.badSource).toBe(1);
  });

  test("what no peer has is counted, whatever the bytes", () => {
    const { device } = pair().of("a");
    for (const bytes of [new Uint8Array(0), new Uint8Array(19), new Uint8Array(100), innerPacket(1, 200, 1)]) {
      expect(device.send(bytes, 1)).toEqual([]);
    }
    expect(device.counters.unroutable).toBe(4);
  });
});
