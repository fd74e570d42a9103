import { describe, expect, test } from "vitest";
import { createDevice } from "../../src/engine/create-device.ts";
import type { DeviceConfig, Session } from "../../src/engine/device.ts";
import { PLAIN_WIRE } from "../../src/engine/wire/plain.ts";
import type { WireFormat } from "../../src/engine/wire/wire-format.ts";
import { CRYPTO } from "./support/crypto.ts";
import {
  deviceConfig,
  endpoint,
  innerPacket,
  numberIn,
  prefix,
  privateKey,
  publicKeyOf,
  World,
} from "./support/link.ts";
import { SeededSources } from "./support/sources.ts";

/** Device 1 in the middle of 2 and 3, all sessions up. */
function star(more: Partial<DeviceConfig> = {}): World {
  const world = new World(5);
  world.add("1", deviceConfig(1, [2, 3], more), endpoint(1));
  world.add("2", deviceConfig(2, [1]), endpoint(2));
  world.add("3", deviceConfig(3, [1]), endpoint(3));
  world.send("2", innerPacket(2, 1, 0));
  world.send("3", innerPacket(3, 1, 0));
  world.runFor(50);
  expect(world.delivered.length).toBe(2);
  world.delivered.length = 0;
  world.sent.length = 0;
  world.events.length = 0;
  return world;
}

function configure(world: World, name: string, config: DeviceConfig): void {
  world.take(name, world.of(name).device.configure(config, world.now));
}

/** Sends both ways between 1 and the other and gives what arrived. */
function exchange(world: World, other: number, number: number): number[] {
  world.delivered.length = 0;
  world.send("1", innerPacket(1, other, number));
  world.send(`${other}`, innerPacket(other, 1, number + 1));
  world.runFor(50);
  return world.delivered.map(({ bytes }) => numberIn(bytes)).sort((a, b) => a - b);
}

describe("changing a device while it carries traffic", () => {
  test("the same configuration again changes nothing: no datagram, no handshake, the same sessions", () => {
    const world = star();
    const before = world.of("1").device.peerByKey(publicKeyOf(2))?.currentSession(world.now);
    for (let round = 0; round < 3; round += 1) configure(world, "1", deviceConfig(1, [2, 3]));
    expect(world.sent).toEqual([]);
    expect(world.of("1").device.peerByKey(publicKeyOf(2))?.currentSession(world.now)).toBe(before);
    expect(exchange(world, 2, 10)).toEqual([10, 11]);
  });

  test("adding and removing a peer disturbs no other; the removed one's keys are wiped and nothing of it is read", () => {
    const world = star();
    const { device } = world.of("1");
    const kept = device.peerByKey(publicKeyOf(2))?.currentSession(world.now);
    const gone = device.peerByKey(publicKeyOf(3))?.currentSession(world.now);
    configure(world, "1", deviceConfig(1, [2, 4]));
    expect([...device.peers()].map(({ publicKey }) => publicKey[0]).sort()).toEqual(
      [publicKeyOf(2)[0], publicKeyOf(4)[0]].sort(),
    );
    expect(device.peerByKey(publicKeyOf(2))?.currentSession(world.now)).toBe(kept);
    expect([...(gone?.sendKey ?? [1]), ...(gone?.receiveKey ?? [1])].every((byte) => byte === 0)).toBe(true);
    expect(device.routeTo(Uint8Array.of(10, 0, 0, 3), 0, 4)).toBeUndefined();
    expect(device.removePeer(publicKeyOf(3))).toBe(false);
    world.delivered.length = 0;
    world.send("3", innerPacket(3, 1, 5));
    world.runFor(50);
    expect(world.delivered).toEqual([]);
    expect(exchange(world, 2, 10)).toEqual([10, 11]);
    expect(world.sent.filter(({ bytes }) => bytes.length === 148)).toEqual([]);
  });

  test("a prefix moves from one peer to another, for both directions", () => {
    const world = star();
    const { device } = world.of("1");
    const moved = { publicKey: publicKeyOf(2), allowedIPs: [prefix("10.0.0.2/32"), prefix("10.0.0.3/32")] };
    world.take("1", device.setPeer(moved, world.now));
    expect(device.routeTo(Uint8Array.of(10, 0, 0, 3), 0, 4)?.publicKey).toEqual(publicKeyOf(2));
    world.send("3", innerPacket(3, 1, 5));
    world.runFor(50);
    expect(world.delivered).toEqual([]);
    expect(device.counters.badSource).toBe(1);
    expect(device.peerByKey(publicKeyOf(3))?.allowedIPs()).toEqual([]);
  });

  test("a peer that is given another endpoint is asked there at once, its session kept", () => {
    const world = star();
    const peers = deviceConfig(1, [2, 3]).peers.map((peer, index) =>
      index === 0 ? { ...peer, endpoint: endpoint(22) } : peer,
    );
    const before = world.of("1").device.peerByKey(publicKeyOf(2))?.currentSession(world.now);
    world.move("2", endpoint(22));
    const outputs = world.of("1").device.configure({ ...deviceConfig(1, [2, 3]), peers }, world.now);
    const sent = outputs.flatMap((one) => (one.kind === "datagram" ? [[one.to, one.bytes.length]] : []));
    expect(sent).toEqual([[endpoint(22), 148]]);
    expect(world.of("1").device.peerByKey(publicKeyOf(2))?.currentSession(world.now)).toBe(before);
    world.take("1", outputs);
    expect(exchange(world, 2, 30)).toEqual([30, 31]);
    expect(exchange(world, 3, 40)).toEqual([40, 41]);
  });

  test("a handshake that waits for an address where nothing listens goes to the next one without waiting for its retry", () => {
    const world = new World(5);
    const config = (at: number): DeviceConfig => ({
      ...deviceConfig(1, [2]),
      peers: deviceConfig(1, [2]).peers.map((peer) => ({ ...peer, endpoint: endpoint(at) })),
    });
    world.add("1", config(66), endpoint(1));
    world.add("2", deviceConfig(2, [1]), endpoint(2));
    world.send("1", innerPacket(1, 2, 7));
    world.runFor(1000);
    expect(world.delivered).toEqual([]);
    configure(world, "1", config(2));
    world.runFor(50);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([7]);
  });

  test("an endpoint the peer roamed to stays while the configured one stays, and goes when it changes", () => {
    const world = star();
    world.move("2", endpoint(22));
    world.send("2", innerPacket(2, 1, 1));
    world.runFor(50);
    expect(exchange(world, 2, 20)).toEqual([20, 21]);
    configure(world, "1", deviceConfig(1, [2, 3]));
    expect(world.of("1").device.peerByKey(publicKeyOf(2))?.endpoint).toEqual(endpoint(22));
    world.move("2", endpoint(23));
    expect(world.of("1").device.setEndpoint(publicKeyOf(2), endpoint(23))).toBe(true);
    expect(world.of("1").device.setEndpoint(publicKeyOf(9), endpoint(23))).toBe(false);
    world.delivered.length = 0;
    world.send("1", innerPacket(1, 2, 30));
    world.runFor(50);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([30]);
    expect(world.sent.filter(({ bytes }) => bytes.length === 148)).toEqual([]);
  });

  test("a new private key: make before break, every packet of the hand-over arrives", () => {
    const world = star();
    const known = deviceConfig(2, [1, 4]).peers.map((peer) => ({ ...peer, endpoint: endpoint(1) }));
    const both = known.map((peer, index) => (index === 0 ? peer : { ...peer, allowedIPs: [prefix("10.0.0.4/32")] }));
    configure(world, "2", { ...deviceConfig(2, []), peers: both });
    const next = { ...deviceConfig(1, [2, 3]), privateKey: privateKey(4) };
    configure(world, "1", next);
    expect(world.of("1").device.publicKey).toEqual(publicKeyOf(4));
    world.delivered.length = 0;
    world.send("1", innerPacket(1, 2, 40));
    world.run(world.now);
    world.runFor(50);
    world.send("1", innerPacket(4, 2, 41));
    world.runFor(50);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([40, 41]);
    expect(world.events.filter(({ of, event }) => of === "1" && event === "handshake").length).toBeGreaterThan(0);
  });

  test("a peer with our own key is left out, also when our key becomes it", () => {
    const world = star();
    const { device } = world.of("1");
    configure(world, "1", { ...deviceConfig(1, [2, 3]), privateKey: privateKey(3) });
    expect([...device.peers()].map(({ publicKey }) => publicKey)).toEqual([publicKeyOf(2)]);
    expect(device.setPeer(deviceConfig(1, [3]).peers[0] as never, world.now)).toEqual([]);
    expect(device.peerByKey(publicKeyOf(3))).toBeUndefined();
  });

  test("a new preshared key counts from the next handshake on; the session stays", () => {
    const world = star();
    const presharedKey = new Uint8Array(32).fill(7);
    const withKey = (config: DeviceConfig, of: number): DeviceConfig => ({
      ...config,
      peers: config.peers.map((peer, index) => (index === of ? { ...peer, presharedKey } : peer)),
    });
    configure(world, "1", withKey(deviceConfig(1, [2, 3]), 0));
    expect(exchange(world, 2, 10)).toEqual([10, 11]);
    configure(world, "2", withKey(deviceConfig(2, [1]), 0));
    world.runFor(200_000);
    expect(exchange(world, 2, 20)).toEqual([20, 21]);
  });

  test("another wire format: the old one is still read, and sent to peers that were not heard in the new one", () => {
    const memory = { ...PLAIN_WIRE.forPeer() };
    const marked: WireFormat = {
      ...PLAIN_WIRE,
      name: "marked",
      forPeer: () => memory,
      headerWord: (kind) => PLAIN_WIRE.headerWord(kind) + 100,
      candidates: (datagram) => {
        const plain = datagram.slice();
        plain[0] = (plain[0] ?? 0) - 100;
        return PLAIN_WIRE.candidates(plain).map((each) =>
          each.kind === "transport" ? each : { ...each, message: datagram },
        );
      },
      transport: {
        ...PLAIN_WIRE.transport,
        words: [104, 104],
        write(view, offset, receiver, counter) {
          PLAIN_WIRE.transport.write(view, offset, receiver, counter);
          view.setUint32(offset, 104, true);
        },
      },
    };
    const world = star();
    configure(world, "1", deviceConfig(1, [2, 3], { wire: marked }));
    expect(world.of("1").device.peerByKey(publicKeyOf(2))?.wire).toBe(memory);
    world.send("2", innerPacket(2, 1, 5));
    world.runFor(20);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toEqual([5]);
    configure(world, "2", deviceConfig(2, [1], { wire: marked }));
    expect(exchange(world, 2, 10)).toEqual([10, 11]);
    world.sent.length = 0;
    world.runFor(200_000);
    expect(exchange(world, 2, 20)).toEqual([20, 21]);
    const between = world.sent.filter(({ from, to }) => from !== "3" && to.address.at(-1) !== 3);
    expect(between.length).toBeGreaterThanOrEqual(4);
    expect(between.every(({ bytes }) => (bytes[0] ?? 0) > 100)).toBe(true);
    world.runFor(60_000);
    const unread = world.of("1").device.counters.unrecognised;
    world.send("3", innerPacket(3, 1, 30));
    world.runFor(50);
    expect(world.of("1").device.counters.unrecognised).toBe(unread + 1);
  });
});

describe("keys", () => {
  test("the loop hears of every session before it is used and before it is wiped, once each", () => {
    const opened = new Set<Session>();
    const closed = new Set<Session>();
    const listener = {
      opened(session: Session) {
        expect(session.sendKey.some((byte) => byte !== 0)).toBe(true);
        opened.add(session);
      },
      closed(session: Session) {
        expect(opened.has(session) && !closed.has(session)).toBe(true);
        expect(session.sendKey.some((byte) => byte !== 0)).toBe(true);
        closed.add(session);
      },
    };
    const world = new World(8);
    const sources = new SeededSources(3);
    const device = createDevice(deviceConfig(1, [2]), { crypto: CRYPTO, sources, sessions: listener });
    world.devices.set("1", { device, at: endpoint(1), sources });
    world.add("2", deviceConfig(2, [1]), endpoint(2));
    for (let second = 0; second < 500; second += 1) {
      world.send("1", innerPacket(1, 2, second));
      world.runFor(1_000);
    }
    expect(opened.size).toBe(5);
    expect(closed.size).toBe(3);
    device.close();
    expect(closed.size).toBe(5);
    for (const session of opened) {
      expect([...session.sendKey, ...session.receiveKey].every((byte) => byte === 0)).toBe(true);
      expect(session.takeCounters(1)).toBe(-1);
    }
    expect([...device.peers()]).toEqual([]);
    expect(device.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("six hours of traffic, rekeys and lost datagrams hold at most three sessions at a time", () => {
    const world = new World(9, { loss: 200, duplication: 100, minDelay: 1, maxDelay: 300 });
    let held = 0;
    let most = 0;
    const listener = {
      opened: () => {
        held += 1;
        most = Math.max(most, held);
      },
      closed: () => {
        held -= 1;
      },
    };
    const sources = new SeededSources(3);
    const device = createDevice(deviceConfig(1, [2]), { crypto: CRYPTO, sources, sessions: listener });
    world.devices.set("1", { device, at: endpoint(1), sources });
    world.add("2", deviceConfig(2, [1]), endpoint(2));
    for (let minute = 0; minute < 360; minute += 1) {
      world.send("1", innerPacket(1, 2, minute));
      world.send("2", innerPacket(2, 1, minute));
      world.runFor(60_000);
    }
    expect(most).toBeGreaterThanOrEqual(2);
    // While a session is replaced the new one is opened before an old one is closed.
    expect(most).toBeLessThanOrEqual(4);
    expect(held).toBeLessThanOrEqual(3);
    expect(world.delivered.length).toBeGreaterThan(500);
  });

  test("the engine keeps its own copy of what it was configured with", () => {
    const config = deviceConfig(1, [2]);
    const device = createDevice(config, { crypto: CRYPTO, sources: new SeededSources(1) });
    config.privateKey.fill(0);
    expect(device.publicKey).toEqual(publicKeyOf(1));
    expect(device.connect(publicKeyOf(2), 1_000).length).toBe(1);
  });
});
