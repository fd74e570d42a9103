/**
 * What a packet pays for the packet filter, as ratios against no policy: traffic of this host, traffic that it forwards, and
 * traffic inside a tunnel. The policies stand in network namespaces of their own and are measured in turn, in many short
 * rounds. Needs root, nft, iperf3 and python3. Exits 1 when awg's policy misses a demand.
 *
 * node bench/filter-cost.ts [--rounds 15] [--packets 20000] [--megabytes 300] [--only host,forwarded,tunnel] [--programs 20]
 */
import { loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { CostQuestion, Measured } from "./filter-cost.d/inside.ts";
import { METRICS } from "./filter-cost.d/metrics.ts";
import { median } from "./measure.ts";
import { runInPrivatePlace } from "./place.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    packets: { type: "string", default: "20000" },
    megabytes: { type: "string", default: "300" },
    only: { type: "string", default: "host,forwarded,tunnel" },
    programs: { type: "string", default: "0" },
  },
});
const question: CostQuestion = {
  rounds: Number(values.rounds),
  packets: Number(values.packets),
  megabytes: Number(values.megabytes),
  programs: Number(values.programs),
};
const inside = join(import.meta.dirname, "filter-cost.d", "inside.ts");
const load = () => loadavg()[0]?.toFixed(1) ?? "";

console.log(`# ${new Date().toISOString().slice(0, 10)}, Linux ${release()}, load ${load()}`);
let missed = 0;
for (const traffic of values.only.split(",")) {
  const measured = JSON.parse(await runInPrivatePlace([inside, traffic, JSON.stringify(question)])) as Measured;
  for (const metric of METRICS) missed += print(traffic, metric, measured) ? 0 : 1;
}
console.log(`# load ${load()}`);
process.exitCode = missed === 0 ? 0 : 1;

/**
 * Prints the medians of one metric, and of the ratios of each round to no policy in the same round; gives whether awg's policy
 * meets the demand.
 */
function print(traffic: string, { name, unit, demand }: (typeof METRICS)[number], measured: Measured): boolean {
  const of = (policy: string) => median(measured[policy]?.[name] ?? []);
  const ratioOf = (policy: string) =>
    median((measured[policy]?.[name] ?? []).map((figure, round) => figure / (measured["none"]?.[name]?.[round] ?? 0)));
  const ours = ratioOf("awg");
  const isMet = demand === undefined || ("atMost" in demand ? ours <= demand.atMost : ours >= demand.atLeast);
  const others = Object.keys(measured).filter((policy) => policy !== "awg" && policy !== "none");
  const words = [
    demand === undefined ? "      " : isMet ? "ok    " : "MISSED",
    `${traffic}, ${name}: no policy ${of("none").toFixed(2)} ${unit}`,
    `awg ${of("awg").toFixed(2)} (ratio ${ours.toFixed(2)}${demanded(demand)})`,
    ...others.map((policy) => `${policy} ${of(policy).toFixed(2)} (ratio ${ratioOf(policy).toFixed(2)})`),
  ];
  console.log(words.join(", ").replace(", ", " "));
  return isMet;
}

function demanded(demand: (typeof METRICS)[number]["demand"]): string {
  if (demand === undefined) return "";
  return "atMost" in demand ? `, demand ≤ ${demand.atMost}` : `, demand ≥ ${demand.atLeast}`;
}
