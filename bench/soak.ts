/**
 * A long run of the product as it is installed: two namespaces, `awg apply` on both, AmneziaWG between them, UDP at a fixed rate, a session
 * renewed every two minutes. Both ends send to each other at that rate (bench/soak.d/talk.ts), and every packet is counted
 * end to end. Prints a line a minute; exits 1 when a packet was lost, a session was not renewed, the rate was missed, an engine
 * took 110 MB, or their memory grew by more than a tenth between the first third and the last. Needs root.
 *
 * node bench/soak.ts [minutes=60] [Mbit/s=100]
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./measure.ts";
import { installAwg, must, newKeys } from "./program.ts";
import type { Talked, TalkOptions } from "./soak.d/talk.ts";

const [minutes = 60, megabits = 100] = process.argv.slice(2).map(Number);
const DATAGRAM_BYTES = 1300;
/** A sender that is not run for a while loses time: it goes by so much faster, so that the mean is what was asked for. */
const SPARE_PACE = 1.02;
const SAMPLE_MS = 10_000;
const MOST_GROWTH = 1.1;
const MOST_MEGABYTES = 110;
const RENEWED_EVERY_MINUTES = 2;
const OBFUSCATION = `{ version: "2.0", jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 45, s3: 8, s4: 5,
      h1: 100000-199999, h2: 200000-299999, h3: 300000-399999, h4: 400000-499999 }`;

const tag = process.pid.toString(36);
const [near, far] = [`t-soak-a-${tag}`, `t-soak-b-${tag}`];
const folder = mkdtempSync(join(tmpdir(), "awg-soak-"));
const AWG = installAwg(folder);
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
  const perSecond = Math.ceil((megabits * 1_000_000 * SPARE_PACE) / (8 * DATAGRAM_BYTES));
  const datagrams = Math.ceil((megabits * 1_000_000 * minutes * 60) / (8 * DATAGRAM_BYTES));
  const shape = { port: 7000, datagramBytes: DATAGRAM_BYTES, perSecond, datagrams, expected: datagrams };
  const ends = await Promise.all([
    startTalker(near, { ...shape, to: "10.67.0.2" }),
    startTalker(far, { ...shape, to: "10.67.0.1" }),
  ]);
  const watched = await watch(Promise.all(ends.map((end) => end.step())));
  const talked = await Promise.all(ends.map(async (end) => JSON.parse(await end.step()) as Talked));
  const [atNear, atFar] = talked as [Talked, Talked];
  const lost = tell("there", atNear, atFar) + tell("back ", atFar, atNear);
  if (lost > 0) for (const line of droppedWhere()) console.log(line);
  const third = Math.max(1, Math.floor(watched.megabytes.length / 3));
  const growth = median(watched.megabytes.slice(-third)) / median(watched.megabytes.slice(0, third));
  const leastRenewals = Math.floor(minutes / RENEWED_EVERY_MINUTES) - 1;
  const slowest = Math.min(...talked.map(megabitsOf));
  const largest = Math.max(...watched.largest);
  const met =
    lost === 0 &&
    largest < MOST_MEGABYTES &&
    growth <= MOST_GROWTH &&
    watched.renewals >= leastRenewals &&
    slowest >= megabits;
  console.log(
    `${met ? "ok     " : "MISSED "} ${minutes} min at ${slowest.toFixed(1)} Mbit/s each way: ${lost} of ${2 * datagrams} packets ` +
      `lost, ${watched.renewals} sessions after the first, memory × ${growth.toFixed(2)}, the larger engine ${largest.toFixed(0)} MB`,
  );
  return met ? 0 : 1;
}

/** Prints what came of one direction; gives how many of its datagrams were lost or damaged. */
function tell(direction: string, from: Talked, at: Talked): number {
  const lost = from.sent - at.received;
  console.log(
    `${direction}: ${from.sent} sent at ${megabitsOf(from).toFixed(1)} Mbit/s, ${at.received} received, ${lost} lost, ` +
      `${at.doubled} doubled, ${at.late} late, ${at.damaged} damaged, longest silence ${at.longestGapMs.toFixed(0)} ms`,
  );
  return lost + at.damaged;
}

function megabitsOf({ sent, seconds }: Talked): number {
  return (sent * DATAGRAM_BYTES * 8) / seconds / 1_000_000;
}

/** A talker in a namespace; each step sends it a line and gives the line it answers with. */
async function startTalker(namespace: string, options: TalkOptions): Promise<{ step(): Promise<string> }> {
  const script = join(import.meta.dirname, "soak.d/talk.ts");
  const child = spawn("ip", ["netns", "exec", namespace, process.execPath, script, JSON.stringify(options)]);
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the talker in ${namespace} ended`);
    return value;
  };
  await line();
  return {
    step: () => {
      child.stdin.write("\n");
      return line();
    },
  };
}

interface Watched {
  /** Of both engines together, a sample every ten seconds. */
  readonly megabytes: readonly number[];
  /** Of each engine, all samples. */
  readonly largest: readonly number[];
  readonly renewals: number;
}

/** Looks every ten seconds until the traffic ends. */
async function watch(ended: Promise<unknown>): Promise<Watched> {
  const megabytes: number[] = [];
  const largest: number[] = [];
  const sessions = new Set<string>();
  for (let running = true; running; ) {
    running = await Promise.race([ended.then(() => false), sleep(SAMPLE_MS, true)]);
    if (!running) break;
    const each = residentMegabytes();
    megabytes.push(each.reduce((sum, one) => sum + one, 0));
    largest.push(...each);
    const shown = must([AWG, "show", deviceOf(near), "latest-handshakes"]);
    sessions.add(/\t([0-9]+)/.exec(shown)?.[1] ?? "");
    if (megabytes.length % 6 === 0)
      console.log(`${megabytes.length / 6} min: ${megabytes.at(-1)?.toFixed(0)} MB, ${sessions.size} sessions`);
  }
  return { megabytes, largest, renewals: sessions.size - 1 };
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
    const sockets = `full sockets ${ofEngine} of the engine's, ${Number(full) - ofEngine} of the talker's`;
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

/** Of each engine. */
function residentMegabytes(): number[] {
  const engines = readdirSync("/proc").filter((pid) => /^[0-9]+$/.test(pid) && isEngine(pid));
  return engines.map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
}

function isEngine(pid: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split(/[\0 ]/);
    return words.includes("engine") && [near, far].some((name) => words.includes(deviceOf(name)));
  } catch {
    return false;
  }
}
