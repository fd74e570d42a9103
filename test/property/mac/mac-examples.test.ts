import { expect, test } from "vitest";
import { dieAfterEveryStep } from "../every-step.ts";
import { failWrites } from "../failing-writes.ts";
import { Tally } from "../tally.ts";
import { AWG } from "../world.ts";
import { macExampleStories } from "./mac-stories.ts";

test("H, B1, laws 1, 4, 5: a Mac dead after every write of every example that it supports", {
  timeout: 300_000,
}, async () => {
  const tally = new Tally();
  for (const story of macExampleStories) await dieAfterEveryStep(story, { makeup: AWG, tally, probesPerWrite: 4 });
  console.log(tally.print());
  expect(tally.get("stories told")).toBe(macExampleStories.length);
});

test("H, B4, laws 1, 3, 4, 5, 6: each kind of write of a Mac refused with each errno, once and for ever", {
  timeout: 300_000,
}, async () => {
  const tally = await failWrites(macExampleStories, "first of each name");
  console.log(tally.print());
  expect(tally.get("runs with a fault")).toBe(tally.get("runs"));
  for (const name of ["link.create", "engine.configure", "route.add", "firewall.load", "resolver.store"])
    expect(tally.get(`write ${name}`), name).toBe(1);
});
