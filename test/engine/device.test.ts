import { describe, expect, test } from "vitest";
import { deviceConfig, endpoint, innerPacket, numberIn, World } from "./support/link.ts";

function pair(seed = 1): World {
  const world = new World(seed);
  world.add("a", deviceConfig(1, [2]), endpoint(1));
  world.add("b", deviceConfig(2, [1]), endpoint(2));
  return world;
}

describe("two devices on a good link", () => {
  test("the first packet makes the session and arrives over it", () => {
    const world = pair();
    world.send("a", innerPacket(1, 2, 7));
    world.runFor(100);
    expect(world.delivered.map(({ to, bytes }) => [to, numberIn(bytes), bytes.length])).toEqual([["b", 7, 40]]);
    expect(world.sent.map(({ from, bytes }) => [from, bytes.length])).toEqual([
      ["a", 148],
      ["b", 92],
      ["a", 32 + 48],
    ]);
  });
});
