import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { processorMs, startDaemon } from "./idle.ts";
import { type Figure, median } from "./measure.ts";
import { installAwg, newKeys, writePrivate } from "./program.ts";

/** As many as there are path numbers, with 40 prefixes each. */
const TUNNELS = 60;
const PREFIXES = 40;
const EVENTS = 60;
/** `reconcile.quiet` of the configuration below, which nothing is done before. */
const QUIET_MS = 200;
const MOST_MS = 100;
const SETTLE_MS = 5_000;
const LIMIT_MS = 30_000;
const CHANGED_MTU = 1_300;

/** How long a daemon with sixty tunnels on the real kernel takes to put back what somebody changed, beyond the quiet time. */
export async function benchRepairs(): Promise<readonly Figure[]> {
  const config = writePrivate("repairs.yaml", configText(writePrivate("key", newKeys().privateKey)));
  const daemon = await startDaemon(installAwg(), config);
  const monitor = spawn("ip", ["-o", "monitor", "link"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await sleep(SETTLE_MS);
    const usedBefore = processorMs(daemon.pid ?? 0);
    const took: number[] = [];
    for (let event = 0; event < EVENTS; event += 1) took.push((await untilRepaired(monitor, event)) - QUIET_MS);
    const sorted = took.toSorted((a, b) => a - b);
    const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
    const used = (processorMs(daemon.pid ?? 0) - usedBefore) / EVENTS;
    const name = `repair with ${TUNNELS} tunnels and ${TUNNELS * PREFIXES} routes, 95th percentile (median ${median(took).toFixed(0)}, longest ${sorted.at(-1)?.toFixed(0)}, ${used.toFixed(0)} ms of processor time)`;
    return [{ name, unit: "ms", ours: p95, peer: { name: "demand", value: MOST_MS }, atMost: 1 }];
  } finally {
    monitor.kill("SIGKILL");
    daemon.kill("SIGKILL");
  }
}

/** Changes one device's MTU and gives the milliseconds until the kernel tells that it is another again. */
async function untilRepaired(monitor: ChildProcess, event: number): Promise<number> {
  const device = `awg-t${(event * 7) % TUNNELS}`;
  const told = Promise.withResolvers<number>();
  if (monitor.stdout === null) throw new Error("nothing is heard of the devices");
  const lines = createInterface({ input: monitor.stdout });
  let isChanged = false;
  lines.on("line", (line) => {
    if (!line.includes(` ${device}: `)) return;
    if (line.includes(`mtu ${CHANGED_MTU} `)) isChanged = true;
    else if (isChanged) told.resolve(performance.now());
  });
  const limit = setTimeout(() => told.reject(new Error(`${device} was not put back`)), LIMIT_MS);
  try {
    execFileSync("ip", ["link", "set", "dev", device, "mtu", String(CHANGED_MTU)]);
    const changedMs = performance.now();
    const tookMs = (await told.promise) - changedMs;
    await sleep(500);
    return tookMs;
  } finally {
    clearTimeout(limit);
    lines.close();
  }
}

function configText(key: string): string {
  const tunnels = Array.from({ length: TUNNELS }, (_unused, tunnel) => {
    const prefixes = Array.from({ length: PREFIXES }, (_each, prefix) => `10.${tunnel}.${prefix}.0/24`);
    return `  t${tunnel}:
    protocol: wireguard
    engine: userspace
    privateKey: { file: ${key} }
    addresses: [10.200.${tunnel}.2/32]
    peers: [{ publicKey: ${newKeys().publicKey}, endpoint: "192.0.2.${tunnel + 100}:51820", allowedIPs: [${prefixes.join(", ")}] }]
`;
  });
  return `apiVersion: awg/v1\ntunnels:\n${tunnels.join("")}default: { via: direct }\n`;
}
