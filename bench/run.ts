/**
 * Prints one line a figure; exits 1 when one misses what is demanded of it. Names as arguments run only those: plan,
 * routes, apply, first-packet, cold-diff, processes, lists, idle, repairs, loop.
 */
import { spawnSync } from "node:child_process";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { type Figure, renderFigure } from "./measure.ts";
import { benchInPrivatePlace } from "./place.ts";
import { benchPlan } from "./plan.ts";

const PRIVATE = ["routes", "apply", "first-packet", "cold-diff", "processes", "lists", "idle", "repairs"];
const LOOP = fileURLToPath(new URL("./loop.ts", import.meta.url));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : ["plan", ...PRIVATE, "loop"];

console.log(
  `# ${new Date().toISOString().slice(0, 10)}, Linux ${release()}, ${cpus().length} cores, node ${process.version}`,
);
let missed = 0;
for (const name of wanted) {
  if (name === "loop") {
    // A process of its own: what it measures is what it holds itself.
    const { status } = spawnSync(process.execPath, ["--expose-gc", LOOP], { stdio: "inherit" });
    if (status !== 0) missed += 1;
    continue;
  }
  for (const figure of await figuresOf(name)) {
    console.log(renderFigure(figure));
    if (figure.ours / figure.peer.value > figure.atMost) missed += 1;
  }
}
process.exitCode = missed === 0 ? 0 : 1;

async function figuresOf(name: string): Promise<readonly Figure[]> {
  if (name === "plan") return benchPlan();
  if (!PRIVATE.includes(name)) throw new Error(`there is no bench ${name}`);
  if (process.platform === "linux" && process.getuid?.() === 0) return benchInPrivatePlace(name);
  console.log(`skipped ${name}: needs Linux and root`);
  return [];
}
