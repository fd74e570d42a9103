import { describe, expect, test } from "vitest";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import type { Output } from "../../../src/engine/device.ts";
import { deviceConfig, endpoint, innerPacket, World } from "../support/link.ts";
import { SeededSources } from "../support/sources.ts";
import { engineOptions } from "./engine-options.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);
const WIDE = {
  s1: "33",
  s2: "47",
  s3: "21",
  s4: "17",
  h1: "1-1073741823",
  h2: "1073741824-2147483647",
  h3: "2147483648-3221225471",
  h4: "3221225472-4294967295",
};

/** A datagram that was sent, changed so that it cannot be what it was. */
function mutate(original: Uint8Array, random: SeededSources): Uint8Array {
  const bytes = original.slice();
  switch (random.below(3)) {
    case 0:
      bytes[random.below(bytes.length)] = random.below(256);
      return bytes;
    case 1:
      return bytes.subarray(0, random.below(bytes.length));
    default: {
      const longer = new Uint8Array(bytes.length + 1 + random.below(600));
      random.fillRandom(longer);
      longer.set(bytes);
      return longer;
    }
  }
}

const isInner = (output: Output): boolean => output.kind === "inner";

describe("hostile datagrams", () => {
  test.each<[string, UapiParameters]>([
    ["every word is a header, trailers allow every size", { ...WIDE, random_trailers: "1" }],
    ["the same under a mask", { ...WIDE, random_trailers: "1", header_protection_key: "07".repeat(32) }],
    ["sizes tell messages apart", WIDE],
  ])("where %s: deliver nothing, move nobody, and leave the session whole", (_name, values) => {
    const world = new World(seed);
    const random = new SeededSources(seed);
    world.add("a", deviceConfig(1, [2], engineOptions(values, 1)), endpoint(1));
    const b = world.add("b", deviceConfig(2, [1], engineOptions(values, 2)), endpoint(2));
    for (let number = 1; number <= 20; number += 1) world.send("a", innerPacket(1, 2, number));
    world.runFor(1000);
    expect(world.delivered.length).toBe(20);
    const recorded = world.sent.filter(({ from }) => from === "a").map(({ bytes }) => bytes);
    for (let at = 0; at < 3000; at += 1) {
      const known = recorded[random.below(recorded.length)] ?? new Uint8Array(1);
      const noise = new Uint8Array(random.below(700));
      random.fillRandom(noise);
      const hostile = [known, mutate(known, random), noise][at % 3] ?? noise;
      expect(b.receive(hostile, endpoint(9), world.now).filter(isInner)).toEqual([]);
    }
    expect([...b.peers()].map((peer) => peer.endpoint)).toEqual([endpoint(1)]);
    world.send("b", innerPacket(2, 1, 99));
    world.send("a", innerPacket(1, 2, 98));
    world.runFor(1000);
    expect(world.delivered.length).toBe(22);
  });
});
