import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Figure } from "./measure.ts";
import { installAwg, must, newKeys, writePrivate } from "./program.ts";

const SECONDS = 60;
/** Until what the first apply set off has ended: handshake, first looks, compiled code written down. */
const SETTLE_MS = 20_000;
const LIMIT_MS = 120_000;
/** The largest of several runs before the daemon had a socket, events and login pages, and what those may cost. */
const LANDED_MB = 84;
const MORE_MB = 12;
/** proc(5): times of a process are told in hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** Processor time and descriptors of a daemon that has nothing to do, a tunnel with a live other end under its care. */
export async function benchIdle(): Promise<readonly Figure[]> {
  const awg = installAwg();
  const [near, far] = [newKeys(), newKeys()];
  startFarEnd(awg, far.privateKey, near.publicKey);
  const config = writePrivate("idle.yaml", nearText(writePrivate("near.key", near.privateKey), far.publicKey));
  const daemon = await startDaemon(awg, config);
  try {
    await sleep(SETTLE_MS);
    const { pid = 0 } = daemon;
    const [usedBefore, openBefore] = [processorMs(pid), descriptors(pid)];
    await sleep(SECONDS * 1000);
    const [used, open] = [processorMs(pid) - usedBefore, descriptors(pid)];
    return [
      {
        name: `processor time of an idle daemon in ${SECONDS} s`,
        unit: "ms",
        ours: used,
        peer: { name: "a core's", value: SECONDS * 1000 },
        atMost: 0.003,
      },
      {
        name: "descriptors of an idle daemon",
        unit: "open",
        ours: open,
        peer: { name: `${SECONDS} s before`, value: openBefore },
        atMost: 1,
      },
      {
        name: "memory of an idle daemon",
        unit: "MB",
        ours: residentMb(pid),
        peer: { name: "before it answered clients", value: LANDED_MB },
        atMost: (LANDED_MB + MORE_MB) / LANDED_MB,
      },
    ];
  } finally {
    daemon.kill("SIGKILL");
  }
}

/** The daemon of this configuration, once it is in sync for the first time. */
export async function startDaemon(awg: string, config: string): Promise<ChildProcess> {
  const daemon = spawn(awg, ["daemon", "--foreground", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
  let reported = "";
  daemon.stderr.setEncoding("utf8").on("data", (text: string) => {
    reported += text;
  });
  const endMs = Date.now() + LIMIT_MS;
  while (!reported.includes("in sync")) {
    if (Date.now() > endMs || daemon.exitCode !== null) throw new Error(`the daemon never came to rest: ${reported}`);
    await sleep(50);
  }
  return daemon;
}

/** User and system time of a process, its threads' included, in milliseconds. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process (proc(5)). */
function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function nearText(key: string, peer: string): string {
  return `apiVersion: awg/v1
name: bench
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: ${key} }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: "${peer}", endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0], persistentKeepalive: 25s }]
default: { via: office }
killSwitch: { enabled: true }
`;
}

function startFarEnd(awg: string, privateKey: string, client: string): void {
  must(["ip", "netns", "add", "far"]);
  must(["ip", "link", "set", "far0", "netns", "far"]);
  must(["ip", "-n", "far", "link", "set", "lo", "up"]);
  must(["ip", "-n", "far", "address", "add", "192.0.2.1/24", "dev", "far0"]);
  must(["ip", "-n", "far", "link", "set", "far0", "up"]);
  const text = `apiVersion: awg/v1
tunnels:
  guests:
    protocol: wireguard
    privateKey: { file: ${writePrivate("far.key", privateKey)} }
    listenPort: 51820
    addresses: [10.8.0.1/24]
    peers: [{ publicKey: "${client}", allowedIPs: [10.8.0.2/32] }]
default: { via: direct }
`;
  const where = ["--netns", "far", "--state-dir", "/root/far-state"];
  must([awg, "apply", "-f", writePrivate("far.yaml", text), "--auto-approve", "--confirm-within", "0", ...where]);
}
