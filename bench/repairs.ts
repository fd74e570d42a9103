import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { processorMs, startDaemon } from "./idle.ts";
import { type Figure, median } from "./measure.ts";
import { installAwg, newKeys, writePrivate } from "./program.ts";

/** Some 500 resources, with 10 prefixes for each tunnel; of awg's own engine, for so many of wireguard-go need another limit of inotify. */
const TUNNELS = 166;
const PREFIXES = 10;
const EVENTS = 60;
/** `reconcile.quiet` of the configuration below, which nothing is done before. */
const QUIET_MS = 200;
const MOST_MS = 100;
const SETTLE_MS = 5_000;
const LIMIT_MS = 30_000;
const CHANGED_MTU = 1_300;

/** How long a daemon with 500 resources on the real kernel takes to put back what somebody changed, beyond the quiet time. */
export async function benchRepairs(): Promise<readonly Figure[]> {
  const config = writePrivate("repairs.yaml", configText(writePrivate("key", newKeys().privateKey)));
  const daemon = await startDaemon(installAwg(), config);
  const monitor = spawn("ip", ["-o", "monitor", "link"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await sleep(SETTLE_MS);
    const usedBefore = processorMs(daemon.pid ?? 0);
    const repairs: Repair[] = [];
    for (let event = 0; event < EVENTS; event += 1) repairs.push(await repairOf(event, monitor, daemon));
    const used = (processorMs(daemon.pid ?? 0) - usedBefore) / EVENTS;
    const where = `with ${TUNNELS} tunnels and ${TUNNELS * PREFIXES} routes`;
    return [
      figureOf(
        `what was changed is put back, ${where}`,
        repairs.map(({ putBackMs }) => putBackMs),
      ),
      figureOf(
        `and read back and accepted (${used.toFixed(0)} ms of processor time in all)`,
        repairs.map(({ convergedMs }) => convergedMs),
      ),
    ];
  } finally {
    monitor.kill("SIGKILL");
    daemon.kill("SIGKILL");
  }
}

/** Milliseconds beyond the quiet time. */
interface Repair {
  /** Until the kernel told that the device is as it was. */
  readonly putBackMs: number;
  /** Until the daemon said that it is done. */
  readonly convergedMs: number;
}

/** Changes one device's MTU and waits until it is put back. */
async function repairOf(event: number, monitor: ChildProcess, daemon: ChildProcess): Promise<Repair> {
  const tunnel = `t${(event * 7) % TUNNELS}`;
  using reported = new DisposableStack();
  const changed = lineOf(monitor.stdout, (line) => line.includes(` awg-${tunnel}: `) && isChanged(line), reported);
  const putBack = changed.then(() => lineOf(monitor.stdout, (line) => line.includes(` awg-${tunnel}: `), reported));
  const done = lineOf(daemon.stderr, (line) => line.includes(`done: link/${tunnel}`), reported);
  execFileSync("ip", ["link", "set", "dev", `awg-${tunnel}`, "mtu", String(CHANGED_MTU)]);
  const dueMs = performance.now() + QUIET_MS;
  const [putBackMs, convergedMs] = await Promise.all([putBack, done]);
  await sleep(500);
  return { putBackMs: putBackMs - dueMs, convergedMs: convergedMs - dueMs };
}

function isChanged(line: string): boolean {
  return line.includes(`mtu ${CHANGED_MTU} `);
}

/** When such a line is heard. */
function lineOf(stream: Readable | null, fits: (line: string) => boolean, until: DisposableStack): Promise<number> {
  if (stream === null) throw new Error("nothing is heard of this process");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const lines = until.adopt(createInterface({ input: stream }), (open) => open.close());
  lines.on("line", (line) => {
    if (fits(line)) resolve(performance.now());
  });
  until.adopt(
    setTimeout(() => reject(new Error("it was not put back")), LIMIT_MS),
    clearTimeout,
  );
  return promise;
}

function figureOf(name: string, tookMs: readonly number[]): Figure {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
  const others = `median ${median(tookMs).toFixed(0)}, longest ${sorted.at(-1)?.toFixed(0)}`;
  const peer = { name: "demand", value: MOST_MS };
  return { name: `${name}: 95th percentile (${others})`, unit: "ms", ours: p95, peer, atMost: 1 };
}

function configText(key: string): string {
  const tunnels = Array.from({ length: TUNNELS }, (_unused, tunnel) => {
    const prefixes = Array.from({ length: PREFIXES }, (_each, prefix) => `10.${tunnel}.${prefix}.0/24`);
    return `  t${tunnel}:
    protocol: wireguard
    engine: embedded
    privateKey: { file: ${key} }
    addresses: [10.200.${tunnel}.2/32]
    peers: [{ publicKey: ${newKeys().publicKey}, endpoint: "198.18.0.${tunnel + 1}:51820", allowedIPs: [${prefixes.join(", ")}] }]
`;
  });
  return `apiVersion: awg/v1\ntunnels:\n${tunnels.join("")}default: { via: direct }\n`;
}
