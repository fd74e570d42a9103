/**
 * What rules by program cost: the compile of many rules, and socket(), connections and TCP throughput of a program that a
 * rule names, against the same program under a policy without program rules. Needs Linux, root and python3. Exits 1 when a
 * demand is missed.
 *
 * node bench/apps.ts [--rounds 7] [--only compile,sockets]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchCompile } from "./apps.d/compile.ts";
import { type Figure, renderFigure } from "./measure.ts";
import { runInPrivatePlace } from "./place.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, only: { type: "string", default: "compile,sockets" } },
});
const only = values.only.split(",");
const inside = join(import.meta.dirname, "apps.d", "inside.ts");
const figures: readonly Figure[] = [
  ...(only.includes("compile") ? await benchCompile() : []),
  ...(only.includes("sockets") ? (JSON.parse(await runInPrivatePlace([inside, values.rounds])) as Figure[]) : []),
];
for (const figure of figures) console.log(renderFigure(figure));
process.exitCode = figures.every(({ ours, peer, atMost }) => ours / peer.value <= atMost) ? 0 : 1;
