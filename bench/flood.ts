/**
 * What a flood of bad handshakes costs a session that carries data: UDP through our tunnel at a fixed rate, and beside it
 * initiations to the same port, half of them with a right first mac. Needs root, wg and iperf3. Exits 1 when 1 % is lost; a
 * machine that loses as much without the flood says nothing, and that is printed.
 *
 * node bench/flood.ts [seconds=10] [handshakes a second=20000] [Mbit/s=300]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { bundleEnd } from "./tunnel.d/bundle.ts";
import { TunnelLab } from "./tunnel.d/lab.ts";

const [seconds = 10, perSecond = 20_000, megabits = 300] = process.argv.slice(2).map(Number);
const MOST_LOST_PERCENT = 1;

using bundle = await bundleEnd();
using lab = new TunnelLab(bundle);
await using tunnel = await lab.start({ name: "awg", program: "awg", mtuBytes: 1420 });
const quiet = await lostPercent();
const flooder = spawn(
  "ip",
  [
    ...["netns", "exec", lab.near, process.execPath, join(import.meta.dirname, "tunnel.d/flooder.ts")],
    ...[tunnel.farPublicKey, String(perSecond), String(seconds + 4)],
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
const reported = text(flooder.stdout);
await sleep(2000);
const flooded = await lostPercent();
const sent = Number(await reported);
const saysNothing = quiet >= MOST_LOST_PERCENT;
const met = flooded < MOST_LOST_PERCENT;
console.log(
  `${saysNothing ? "INVALID" : met ? "ok     " : "MISSED "} ${megabits} Mbit/s through the tunnel: ${flooded.toFixed(2)} % lost under ` +
    `${Math.round(sent / (seconds + 4))} bad handshakes a second, ${quiet.toFixed(2)} % without (demand < ${MOST_LOST_PERCENT} %)`,
);
process.exitCode = met && !saysNothing ? 0 : 1;

async function lostPercent(): Promise<number> {
  const server = spawn("ip", ["netns", "exec", lab.far, "iperf3", "-s", "-B", "10.66.0.2"], { stdio: "ignore" });
  const ended = once(server, "close");
  try {
    for (let tries = 1; ; tries += 1) {
      await sleep(500);
      const words = ["-c", "10.66.0.2", "-u", "-b", `${megabits}M`, "-l", "1350", "-t", String(seconds), "--json"];
      const { stdout } = spawnSync("ip", ["netns", "exec", lab.near, "iperf3", ...words], { encoding: "utf8" });
      const { end, error } = JSON.parse(stdout) as { end: { sum?: { lost_percent: number } }; error?: string };
      if (end.sum !== undefined) return end.sum.lost_percent;
      if (tries === 5) throw new Error(`iperf3: ${error}`);
    }
  } finally {
    server.kill();
    await ended;
  }
}
