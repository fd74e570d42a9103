import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { namespaceObstacle } from "../../support/netns.ts";

const HOUR_SECONDS = 3600;
const SCRIPT = `
const { createArena } = await import(process.argv[1] + "/src/native/memory/arena.ffi.ts");
const { packetCalls } = await import(process.argv[1] + "/src/native/linux/packet-io/packet-calls.ffi.ts");
console.log(packetCalls(createArena(4096)).bootTimeMs());`;

/** A time namespace sets what a sleep of the machine adds apart from what passed while it was awake (time_namespaces(7)). */
function readClock(...offsets: readonly string[]) {
  const node = [process.execPath, "--input-type=module", "-e", SCRIPT, process.cwd()];
  const argv = ["--fork", "--time", ...offsets, ...node];
  return spawnSync("unshare", argv, { encoding: "utf8", timeout: 60_000 });
}

const probe = namespaceObstacle() === undefined ? spawnSync("unshare", ["--fork", "--time", "true"]).status : 1;

test.skipIf(probe !== 0)(
  `sessions age while the machine sleeps (${probe === 0 ? "two hours" : "needs time namespaces"})`,
  () => {
    const slept = readClock("--boottime", String(2 * HOUR_SECONDS));
    const awake = readClock("--monotonic", String(2 * HOUR_SECONDS));
    expect([slept.status, awake.status], slept.stderr + awake.stderr).toEqual([0, 0]);
    const differenceSeconds = (Number(slept.stdout) - Number(awake.stdout)) / 1000;
    expect(Math.abs(differenceSeconds - 2 * HOUR_SECONDS)).toBeLessThan(HOUR_SECONDS);
  },
);
