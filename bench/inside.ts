/** Runs one bench in the place that bench/place.ts made, and prints its figures as JSON. */
import { benchApply } from "./apply.ts";
import { benchColdDiff } from "./cold-diff.ts";
import { benchFirstPacket } from "./first-packet.ts";
import { benchIdle } from "./idle.ts";
import { benchLists } from "./lists.ts";
import type { Figure } from "./measure.ts";
import { benchProcesses } from "./processes.ts";
import { benchRepairs } from "./repairs.ts";
import { benchRoutes } from "./routes.ts";

const BENCHES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  apply: benchApply,
  "cold-diff": benchColdDiff,
  "first-packet": benchFirstPacket,
  idle: benchIdle,
  lists: benchLists,
  processes: benchProcesses,
  repairs: benchRepairs,
  routes: benchRoutes,
};

const bench = BENCHES[process.argv[2] ?? ""];
if (bench === undefined) throw new Error(`say one of ${Object.keys(BENCHES).join(", ")}`);
console.log(JSON.stringify(await bench()));
