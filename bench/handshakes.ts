/**
 * How many handshakes a second one core answers: CPU time of the responder per answered initiation, ours against
 * wireguard-go's, both sent the same way and slowly enough that neither asks for cookies. Needs root, wg and wireguard-go.
 * Exits 1 when ours costs more than wireguard-go's.
 *
 * node bench/handshakes.ts [peers=400] [rounds=3]
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { median } from "./measure.ts";
import { bundleEnd } from "./tunnel.d/bundle.ts";
import { cpuSecondsOf, keyPair, TunnelLab } from "./tunnel.d/lab.ts";

const count = Number(process.argv[2] ?? 400);
const rounds = Number(process.argv[3] ?? 3);
const responder = keyPair();
const initiators = Array.from({ length: count }, keyPair);

using bundle = await bundleEnd();
using lab = new TunnelLab(bundle);
const costs = { awg: [] as number[], "wireguard-go": [] as number[] };
for (let round = 0; round < rounds; round += 1) {
  for (const program of ["awg", "wireguard-go"] as const) costs[program].push(await costOf(program));
}
const ours = median(costs.awg);
const theirs = median(costs["wireguard-go"]);
const met = ours <= theirs;
console.log(
  `${met ? "ok     " : "MISSED "} handshakes answered by one core: awg ${(1e6 / ours).toFixed(0)} a second (${ours.toFixed(0)} µs each), ` +
    `wireguard-go ${(1e6 / theirs).toFixed(0)} (${theirs.toFixed(0)} µs each)`,
);
process.exitCode = met ? 0 : 1;

/** Microseconds of CPU time an answered initiation, after four of every peer. */
async function costOf(program: "awg" | "wireguard-go"): Promise<number> {
  const end = await lab.startResponder(
    program,
    responder.private,
    initiators.map((one) => one.public),
  );
  try {
    // A server runs for weeks: what V8 compiles in the first thousand handshakes is not what one costs.
    for (let round = 0; round < 4; round += 1) await initiate();
    const before = cpuSecondsOf(end.pid);
    const answered = (await initiate()) + (await initiate());
    if (answered < count) throw new Error(`${program} answered ${answered} of ${2 * count}`);
    return ((cpuSecondsOf(end.pid) - before) * 1e6) / answered;
  } finally {
    await end.stop();
  }
}

/** One initiation of every peer, at 300 a second, from the near namespace; how many were answered. */
async function initiate(): Promise<number> {
  const program = [process.execPath, join(import.meta.dirname, "tunnel.d/initiate.ts")];
  const child = spawn("ip", ["netns", "exec", lab.near, ...program], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify({ responder: responder.public, keys: initiators.map((one) => one.private) }));
  return Number(await text(child.stdout));
}
