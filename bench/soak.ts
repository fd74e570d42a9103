/**
 * A long run of the product: two namespaces, `awg apply` on both, AmneziaWG between them, UDP at a fixed rate, a session
 * renewed every two minutes. Prints a line a minute; exits 1 when a packet was lost, a session was not renewed, or an
 * engine's memory grew by more than a tenth between the first third and the last. Needs root and iperf3.
 *
 * node bench/soak.ts [minutes=60] [Mbit/s=100]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./measure.ts";
import { must, newKeys } from "./program.ts";

const [minutes = 60, megabits = 100] = process.argv.slice(2).map(Number);
const SAMPLE_MS = 10_000;
const MOST_GROWTH = 1.1;
const RENEWED_EVERY_MINUTES = 2;
const AWG = join(import.meta.dirname, "..", "scripts", "awg");
const OBFUSCATION = `{ version: "2.0", jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 45, s3: 8, s4: 5,
      h1: 100000-199999, h2: 200000-299999, h3: 300000-399999, h4: 400000-499999 }`;

const tag = process.pid.toString(36);
const [near, far] = [`t-soak-a-${tag}`, `t-soak-b-${tag}`];
const folder = mkdtempSync(join(tmpdir(), "awg-soak-"));
try {
  process.exitCode = await soak();
} finally {
  for (const name of [near, far]) {
    spawnSync(AWG, ["destroy", "--auto-approve", ...where(name)]);
    for (const pid of spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" }).stdout.split("\n")) {
      if (pid !== "") process.kill(Number(pid), "SIGKILL");
    }
    spawnSync("ip", ["netns", "delete", name]);
  }
  rmSync(folder, { recursive: true, force: true });
}

async function soak(): Promise<number> {
  build();
  const server = spawn("ip", ["netns", "exec", far, "iperf3", "-s"], { stdio: "ignore" });
  await sleep(1000);
  const words = ["-c", "10.67.0.2", "-u", "-b", `${megabits}M`, "-l", "1300", "-t", String(minutes * 60), "--json"];
  const client = spawn("ip", ["netns", "exec", near, "iperf3", ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const told = text(client.stdout);
  const watched = await watch(once(client, "close"));
  const { end, error } = JSON.parse(await told) as Told;
  if (end.sum === undefined) throw new Error(`iperf3: ${error}`);
  const { packets, lost_packets: lost } = end.sum;
  if (lost > 0) for (const line of droppedWhere()) console.log(line);
  server.kill();
  const third = Math.max(1, Math.floor(watched.megabytes.length / 3));
  const growth = median(watched.megabytes.slice(-third)) / median(watched.megabytes.slice(0, third));
  const leastRenewals = Math.floor(minutes / RENEWED_EVERY_MINUTES) - 1;
  const met = lost === 0 && growth <= MOST_GROWTH && watched.renewals >= leastRenewals;
  console.log(
    `${met ? "ok     " : "MISSED "} ${minutes} min at ${megabits} Mbit/s: ${lost} of ${packets} packets lost, ` +
      `${watched.renewals} sessions after the first, memory × ${growth.toFixed(2)}`,
  );
  return met ? 0 : 1;
}

interface Told {
  readonly end: { readonly sum?: { readonly packets: number; readonly lost_packets: number } };
  readonly error?: string;
}

/** Looks every ten seconds until the traffic ends. Megabytes are those of both engines together. */
async function watch(ended: Promise<unknown>): Promise<{ megabytes: readonly number[]; renewals: number }> {
  const megabytes: number[] = [];
  const sessions = new Set<string>();
  for (let running = true; running; ) {
    running = await Promise.race([ended.then(() => false), sleep(SAMPLE_MS, true)]);
    if (!running) break;
    megabytes.push(residentMegabytes());
    const shown = must([AWG, "show", deviceOf(near), "latest-handshakes"]);
    sessions.add(/\t([0-9]+)/.exec(shown)?.[1] ?? "");
    if (megabytes.length % 6 === 0)
      console.log(`${megabytes.length / 6} min: ${megabytes.at(-1)?.toFixed(0)} MB, ${sessions.size} sessions`);
  }
  return { megabytes, renewals: sessions.size - 1 };
}

/** Lines that say at which queue the kernel has thrown packets away: a socket's that was not read in time, or a device's. */
function droppedWhere(): readonly string[] {
  return [near, far].map((name) => {
    const inside = (path: string): string => must(["ip", "netns", "exec", name, "cat", path]);
    const [, , full = "0"] = /^Udp: \d+ \d+ (\d+) \d+ (\d+)/m.exec(inside("/proc/net/snmp")) ?? [];
    const ofEngine = (inside("/proc/net/udp") + inside("/proc/net/udp6"))
      .split("\n")
      .reduce((sum, line) => sum + Number(/:[0-9A-F]{4} .* (\d+) *$/.exec(line)?.[1] ?? 0), 0);
    const links = JSON.parse(must(["ip", "-n", name, "-s", "-j", "link"])) as readonly Counted[];
    const devices = links.map(({ ifname, stats64: { rx, tx } }) => `${ifname} ${rx.dropped} in, ${tx.dropped} out`);
    const sockets = `full sockets ${ofEngine} of the engine's, ${Number(full) - ofEngine} of iperf3's`;
    return `${name === near ? "sender" : "receiver"} dropped at: ${sockets}; ${devices.join("; ")}`;
  });
}

interface Counted {
  readonly ifname: string;
  readonly stats64: { readonly rx: { readonly dropped: number }; readonly tx: { readonly dropped: number } };
}

function build(): void {
  const keys = { [near]: newKeys(), [far]: newKeys() } as const;
  for (const name of [near, far]) must(["ip", "netns", "add", name]);
  must(["ip", "-n", near, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", far]);
  for (const [name, last] of [
    [near, 1],
    [far, 2],
  ] as const) {
    must(["ip", "-n", name, "link", "set", "lo", "up"]);
    must(["ip", "-n", name, "address", "add", `192.0.2.${last}/24`, "dev", "cable"]);
    must(["ip", "-n", name, "link", "set", "cable", "up"]);
  }
  for (const [name, other, last] of [
    [far, near, 2],
    [near, far, 1],
  ] as const) {
    const key = join(folder, `${name}.key`);
    writeFileSync(key, `${keys[name]?.privateKey}\n`, { mode: 0o600 });
    const config = join(folder, `${name}.yaml`);
    const endpoint = last === 1 ? 'endpoint: "192.0.2.2:51820", persistentKeepalive: 25s, ' : "";
    const text = `apiVersion: awg/v1
tunnels:
  ${tunnelOf(name)}:
    protocol: amneziawg
    privateKey: { file: ${key} }
    listenPort: 51820
    addresses: [10.67.0.${last}/24]
    obfuscation: ${OBFUSCATION}
    peers: [{ publicKey: "${keys[other]?.publicKey}", ${endpoint}allowedIPs: [10.67.0.0/24] }]
default: { via: direct }
`;
    writeFileSync(config, text);
    must([AWG, "apply", "-f", config, "--auto-approve", "--confirm-within", "0", ...where(name)]);
  }
}

function tunnelOf(namespace: string): string {
  return `${namespace === near ? "a" : "b"}${tag}`.slice(0, 11);
}

function deviceOf(namespace: string): string {
  return `awg-${tunnelOf(namespace)}`;
}

function where(namespace: string): readonly string[] {
  return ["--netns", namespace, "--state-dir", join(folder, namespace)];
}

function residentMegabytes(): number {
  const engines = readdirSync("/proc").filter((pid) => /^[0-9]+$/.test(pid) && isEngine(pid));
  const kilobytes = engines.map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
  );
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024;
}

function isEngine(pid: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.includes("engine") && [near, far].some((name) => words.includes(deviceOf(name)));
  } catch {
    return false;
  }
}
