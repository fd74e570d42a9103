import { expect, test } from "vitest";
import { exampleStories, examples } from "./example-stories.ts";
import { failWrites } from "./failing-writes.ts";

test("B4, laws 1, 3, 4, 5, 6: each kind of write refused with each errno, once and for ever, is told and undone or blocked", {
  timeout: 300_000,
}, async () => {
  const tally = await failWrites(
    examples.flatMap((name) => exampleStories(name)),
    "first of each name",
  );
  console.log(tally.print());
  expect(tally.get("runs with a fault")).toBe(tally.get("runs"));
  for (const name of ["link.create", "engine.configure", "route.add", "rule.add", "firewall.load", "sysctl.write"])
    expect(tally.get(`write ${name}`), name).toBe(1);
  for (const outcome of ["applied", "rolledBack", "rollbackIncomplete", "failed before it began"])
    expect(tally.get(`outcome: ${outcome}`), outcome).toBeGreaterThan(0);
});
