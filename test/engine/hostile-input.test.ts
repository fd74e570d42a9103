import { describe, expect, test } from "vitest";
import type { UapiParameters } from "../../src/engine/awg/parameters.ts";
import type { Device, DeviceCounters, Peer } from "../../src/engine/device.ts";
import { SEED } from "../support/seeded.ts";
import { engineOptions } from "./awg/engine-options.ts";
import { CRYPTO } from "./support/crypto.ts";
import { deviceConfig, endpoint, innerPacket, numberIn, publicKeyOf, World } from "./support/link.ts";
import { SeededSources } from "./support/sources.ts";

const MASKED = { s1: "15", s2: "18", s3: "12", s4: "13", header_protection_key: "07".repeat(32) };

const random = new SeededSources(SEED);

/** Devices 1 and 2 with a session, and every datagram that ever flew between them. */
function overheard(values: UapiParameters = {}): { world: World; pool: Uint8Array[] } {
  const world = new World(SEED);
  world.add("1", deviceConfig(1, [2], engineOptions(values, 1)), endpoint(1));
  world.add("2", deviceConfig(2, [1], engineOptions(values, 2)), endpoint(2));
  for (let round = 0; round < 3; round += 1) {
    for (let number = 0; number < 6; number += 1) {
      world.send("1", innerPacket(1, 2, number, 60));
      world.send("2", innerPacket(2, 1, number, 60));
      world.runFor(100);
    }
    world.runFor(125_000);
  }
  world.send("1", innerPacket(1, 2, 1));
  world.send("2", innerPacket(2, 1, 1));
  world.runFor(1_000);
  return { world, pool: world.sent.map(({ bytes }) => bytes) };
}

/** A datagram somebody hostile might send: replayed, changed, cut, lengthened, or made up. */
function forged(pool: readonly Uint8Array[]): Uint8Array {
  const original = (pool[random.below(pool.length)] as Uint8Array).slice();
  const how = random.below(6);
  if (how === 0) return original;
  if (how === 1) return original.subarray(0, random.below(original.length + 1));
  if (how === 2) {
    const longer = new Uint8Array(original.length + 1 + random.below(200));
    random.fillRandom(longer);
    longer.set(original);
    return longer;
  }
  if (how === 3) {
    const noise = new Uint8Array(random.below(300));
    random.fillRandom(noise);
    if (random.below(2) === 0 && noise.length >= 4) noise.set([1 + random.below(4), 0, 0, 0]);
    return noise;
  }
  for (let flips = 1 + random.below(4); flips > 0; flips -= 1) {
    const at = random.below(original.length);
    original[at] = (original[at] as number) ^ (1 << random.below(8));
  }
  return original;
}

function total(counters: DeviceCounters): number {
  const { handshakes: _, ...reasons } = counters;
  return Object.values(reasons).reduce((sum: number, count: number) => sum + count, 0);
}

function stateOf(device: Device, peer: Peer, now: number): unknown {
  const { receivedBytes, sentBytes, lastHandshake } = peer.stats;
  const session = peer.currentSession(now);
  return [peer.endpoint, receivedBytes, sentBytes, lastHandshake, session?.localIndex, device.nextDeadline()];
}

describe("hostile datagrams", () => {
  test("50,000 of them: nothing thrown, delivered, answered or moved, and the session goes on", () => {
    const { world, pool } = overheard();
    const { device } = world.of("2");
    const peer = device.peerByKey(publicKeyOf(1)) as Peer;
    const before = stateOf(device, peer, world.now);
    const counted = total(device.counters);
    let outputs = 0;
    for (let number = 0; number < 50_000; number += 1) {
      outputs += device.receive(forged(pool), endpoint(1 + random.below(200)), world.now).length;
    }
    expect(outputs).toBe(0);
    expect(stateOf(device, peer, world.now)).toEqual(before);
    expect(total(device.counters) - counted).toBe(50_000);
    world.delivered.length = 0;
    world.send("1", innerPacket(1, 2, 90));
    world.send("2", innerPacket(2, 1, 91));
    world.runFor(100);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes)).sort()).toEqual([90, 91]);
  });

  test.each<[string, UapiParameters]>([
    ["WireGuard", {}],
    ["AmneziaWG 2.0", { s1: "15", s2: "18", s3: "12", s4: "13", h1: "100-200", h2: "300-400", h3: "500-600" }],
    ["AmneziaWG 3.1 with trailers", { s1: "15", s2: "18", s3: "12", s4: "13", random_trailers: "1" }],
    ["AmneziaWG 3.1 with trailers below a mask", { ...MASKED, random_trailers: "1" }],
    ["AmneziaWG 3.1, S3 as long as a response is", { ...MASKED, s3: "63", random_trailers: "1" }],
  ])("under load they get cookie replies at most, never more than they sent: %s", (_name, values) => {
    const { world, pool } = overheard(values);
    const { device } = world.of("2");
    for (let number = 0; number < 5_000; number += 1) {
      const datagram = forged(pool);
      const from = endpoint(1 + random.below(200));
      for (const output of device.receive(datagram, from, world.now, true)) {
        expect(output).toMatchObject({ kind: "datagram", to: from });
        if (output.kind === "datagram") expect(output.bytes.length).toBeLessThanOrEqual(datagram.length);
      }
    }
    expect(device.counters.cookiesSent).toBeGreaterThan(0);
  });

  test("every datagram replayed ten times, out of order and much later, is taken never again", () => {
    const { world, pool } = overheard();
    const { device } = world.of("2");
    for (const later of [0, 5_000, 200_000]) {
      world.runFor(later);
      world.delivered.length = 0;
      for (let round = 0; round < 10; round += 1) {
        for (let index = pool.length - 1; index >= 0; index -= 1) {
          world.take("2", device.receive(pool[index] as Uint8Array, endpoint(9), world.now));
        }
      }
      expect(world.delivered).toEqual([]);
      expect(device.peerByKey(publicKeyOf(1))?.endpoint).toEqual(endpoint(1));
    }
  });
});

describe("a responder with a thousand peers", () => {
  test("serves each its own session, keeps them apart, and looks only at what is due", () => {
    const count = 1_000;
    const numbers = Array.from({ length: count }, (_, index) => index + 10);
    const server = deviceConfig(1, []);
    const world = new World(SEED);
    const keys = new Map(numbers.map((number) => [number, CRYPTO.publicKey(deviceConfig(number, []).privateKey)]));
    const peers = numbers.map((number) => ({
      publicKey: keys.get(number) as Uint8Array,
      allowedIPs: [{ family: 4 as const, address: BigInt(0x0a010000 + number), length: 32 }],
    }));
    const device = world.add("1", { ...server, peers }, endpoint(1));
    const arrived: number[] = [];
    for (const number of numbers) {
      const name = `${number}`;
      const at = { address: Uint8Array.of(198, 51, number >> 8, number & 255), port: 40_000, scope: 0 };
      const client = world.add(name, deviceConfig(number, [1]), at);
      const packet = innerPacket(0, 1, number);
      packet.set([10, 1, number >> 8, number & 255], 12);
      const [initiation] = client.send(packet, world.now);
      if (initiation?.kind !== "datagram") throw new Error("no initiation");
      const [response] = device.receive(initiation.bytes, at, world.now);
      if (response?.kind !== "datagram") throw new Error("no response");
      for (const output of client.receive(response.bytes, endpoint(1), world.now)) {
        if (output.kind !== "datagram") continue;
        for (const inner of device.receive(output.bytes, at, world.now)) {
          if (inner.kind !== "inner") continue;
          expect(inner.peer.publicKey).toEqual(keys.get(number));
          arrived.push(numberIn(inner.bytes));
        }
      }
      world.devices.delete(name);
    }
    expect(arrived).toEqual(numbers);
    expect(new Set([...device.peers()].map((peer) => peer.currentSession(world.now)?.localIndex)).size).toBe(count);
    expect(new Set([...device.peers()].map((peer) => peer.endpoint?.address.join())).size).toBe(count);
    // Each client's data asks for one empty answer after ten seconds: a thousand deadlines, all kept, none twice.
    world.runFor(9_990);
    expect(world.sent.length).toBe(0);
    world.runFor(20_000);
    expect(world.sent.filter(({ bytes }) => bytes.length === 32).length).toBe(count);
  });
});
