import { describe, expect, test } from "vitest";
import { exactly, REJECT_AFTER_TIME } from "../../src/engine/constants.ts";
import type { DeviceConfig } from "../../src/engine/device.ts";
import { deviceConfig, endpoint, innerPacket, numberIn, publicKeyOf, World } from "./support/link.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Two devices with a session; the first one's machine sleeps, so that nobody ticks it meanwhile. */
function beforeSleep(more: Partial<DeviceConfig> = {}) {
  const world = new World(3);
  world.add("a", deviceConfig(1, [2], more), endpoint(1));
  world.add("b", deviceConfig(2, [1]), endpoint(2));
  world.send("a", innerPacket(1, 2, 0));
  world.runFor(50);
  world.send("b", innerPacket(2, 1, 1));
  // By then each has told the other that it heard it.
  world.runFor(15_000);
  const { device } = world.of("a");
  const session = device.peerByKey(publicKeyOf(2))?.currentSession(world.now);
  if (session === undefined) throw new Error("no session");
  world.sent.length = 0;
  world.delivered.length = 0;
  return { world, device, session, asleepAt: world.now };
}

/** The clock goes on, and neither device is asked anything: b hears nobody, a does not run. */
function sleep(world: World, milliseconds: number): void {
  world.now += milliseconds;
  for (const { sources } of world.devices.values()) sources.wallSeconds += milliseconds / 1000;
}

const sizes = (world: World) => world.sent.filter(({ from }) => from === "a").map(({ bytes }) => bytes.length);

describe("a machine that slept", () => {
  test.each([3 * MINUTE, 8 * MINUTE, 3 * HOUR])(
    "uses no session from before after %d ms, and the first packet makes a new one",
    (slept) => {
      const { world, device, session } = beforeSleep();
      sleep(world, slept);
      expect(device.peerByKey(publicKeyOf(2))?.currentSession(world.now)).toBeUndefined();
      expect(device.sessionByIndex(session.localIndex, world.now)).toBeUndefined();
      world.send("a", innerPacket(1, 2, 7));
      expect(sizes(world)).toEqual([148]);
      world.runFor(100);
      expect(world.delivered.map(({ to, bytes }) => [to, numberIn(bytes)])).toEqual([["b", 7]]);
      expect(sizes(world)).toEqual([148, 32 + 48]);
    },
  );

  test("forgets the keys with the one late tick, nine minutes after they were made", () => {
    const { world, device, session, asleepAt } = beforeSleep();
    sleep(world, 3 * HOUR);
    expect(device.nextDeadline()).toBeLessThan(asleepAt + 3 * REJECT_AFTER_TIME);
    world.take("a", device.tick(world.now));
    expect([...session.sendKey, ...session.receiveKey].every((byte) => byte === 0)).toBe(true);
    expect(sizes(world)).toEqual([]);
    expect(device.nextDeadline()).toBeGreaterThan(world.now);
  });

  test("sends one keepalive's handshake and no flood of what was missed", () => {
    const config = deviceConfig(1, [2]);
    const peers = config.peers.map((peer) => ({ ...peer, persistentKeepalive: exactly(25_000) }));
    const { world, device } = beforeSleep({ peers });
    sleep(world, 3 * HOUR);
    world.take("a", device.tick(world.now));
    world.take("a", device.tick(world.now));
    expect(sizes(world)).toEqual([148]);
    world.runFor(100);
    expect(sizes(world)).toEqual([148, 32]);
    expect(device.peerByKey(publicKeyOf(2))?.currentSession(world.now)).toBeDefined();
  });

  test("in the middle of a handshake tries once more and gives up in its time", () => {
    const { world, device } = beforeSleep();
    sleep(world, 4 * MINUTE);
    world.onFlight = () => undefined;
    world.send("a", innerPacket(1, 2, 9));
    sleep(world, 3 * HOUR);
    world.take("a", device.tick(world.now));
    expect(sizes(world).length).toBeLessThanOrEqual(2);
    world.onFlight = undefined;
    world.send("a", innerPacket(1, 2, 10));
    world.runFor(10_000);
    expect(world.delivered.map(({ bytes }) => numberIn(bytes))).toContain(10);
  });
});
