import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkProperty } from "../support/seeded.ts";
import { receiveHot, sendHot } from "./support/hot-way.ts";
import { games, Play } from "./support/play.ts";
import { toHex } from "./support/vectors.ts";

/** Everything that left, arrived and happened in a game, in order. */
function storyOf(play: Play): unknown {
  const { sent, delivered, events } = play.world;
  return {
    sent: sent.map(({ at, from, bytes, to }) => [at, from, toHex(bytes), to.address.join("."), to.port]),
    delivered: delivered.map(({ at, to, bytes }) => [at, to, toHex(bytes)]),
    events,
  };
}

describe("the hot path of a device", () => {
  test("sends the same bytes at the same moments as the slow path, delivers the same, reports the same", () => {
    let datagrams = 0;
    checkProperty(
      fc.property(games(40), ([seed, link, moves]) => {
        const slow = new Play(seed, link);
        const hot = new Play(seed, link);
        hot.world.sendWay = sendHot;
        hot.world.receiveWay = receiveHot;
        for (const move of moves) {
          slow.step(move);
          hot.step(move);
        }
        for (const play of [slow, hot]) play.world.runFor(600_000);
        expect(storyOf(hot)).toEqual(storyOf(slow));
        datagrams += slow.world.sent.length;
      }),
      25,
    );
    expect(datagrams).toBeGreaterThan(1_000);
  });
});
