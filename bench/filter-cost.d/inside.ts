/** Measures one kind of traffic in the place that bench/place.ts made, and prints it as JSON. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { must } from "../program.ts";
import { type Amounts, METRICS, UNREAD } from "./metrics.ts";
import { buildHost, removeClassifiers } from "./scene.ts";

/** How often, and how much a measurement sends. */
export interface CostQuestion extends Amounts {
  readonly rounds: number;
  /** Rules by program in awg's policies, of which the last names the programs that send. */
  readonly programs: number;
}

/** Figures by policy and metric, one a round. */
export type Measured = Record<string, Record<string, number[]>>;

const [traffic = "", question = "{}"] = process.argv.slice(2);
const { rounds, programs, ...amounts } = JSON.parse(question) as CostQuestion;
const scenes = await buildHost(traffic, programs);
const SERVERS = [
  ["iperf3", "-s"],
  ["python3", "-c", UNREAD],
];
const servers = scenes.flatMap(({ far }) =>
  SERVERS.map((argv) => spawn("ip", ["netns", "exec", far, ...argv], { stdio: "ignore" })),
);
await sleep(500);
const measured: Measured = {};
try {
  for (const { near, address } of scenes)
    must(["ip", "netns", "exec", near, "ping", "-q", "-c", "3", "-w", "20", address]);
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, measure } of METRICS) {
      // Every other round begins at the other end, so that nobody always comes first.
      for (const { policy, near, address } of round % 2 === 0 ? scenes : scenes.toReversed()) {
        const figure = measure(near, address, amounts);
        measured[policy] = { ...measured[policy], [name]: [...(measured[policy]?.[name] ?? []), figure] };
      }
    }
  }
} finally {
  for (const server of servers) {
    const ended = once(server, "exit");
    server.kill();
    await ended;
  }
  for (const { near, host = near } of scenes) removeClassifiers(host);
}
console.log(JSON.stringify(measured));
process.exit();
