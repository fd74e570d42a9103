import { expect, test } from "vitest";
import { reportLife } from "../../src/daemon/watch/supervision.ts";
import { VirtualTime } from "./virtual-time.ts";

/** A supervisor that writes down what it hears, and the loop's time at work. */
function scene(everyMs?: number) {
  const time = new VirtualTime();
  const heard: string[] = [];
  const note = (what: string) => () => void heard.push(`${what} at ${time.nowMs / 1000}`);
  const loop: { busyMs: number | undefined } = { busyMs: undefined };
  const supervisor = { ready: note("ready"), alive: note("alive"), stopping: note("stopping") };
  const life = reportLife(everyMs === undefined ? supervisor : { ...supervisor, everyMs }, () => loop.busyMs, time);
  return { time, heard, loop, life };
}

test("ready at once, alive at each interval, stopping at the end", async () => {
  const { time, heard, life } = scene(10_000);
  await time.pass(25_000);
  life[Symbol.dispose]();
  await time.pass(25_000);
  expect(heard).toEqual(["ready at 0", "alive at 10", "alive at 20", "stopping at 25"]);
});

test("a look or change that hangs is no life, though timers still run; its end is", async () => {
  const { time, heard, loop } = scene(10_000);
  loop.busyMs = 9 * 60_000;
  await time.pass(10_000);
  loop.busyMs = 10 * 60_000;
  await time.pass(30_000);
  loop.busyMs = undefined;
  await time.pass(10_000);
  expect(heard).toEqual(["ready at 0", "alive at 10", "alive at 50"]);
});

test("without a watchdog it only says that it is ready and that it ends", async () => {
  const { time, heard, life } = scene();
  await time.pass(60_000);
  life[Symbol.dispose]();
  expect(heard).toEqual(["ready at 0", "stopping at 60"]);
});
