/**
 * Compares the relay of a proxy with socat as a plain TCP forwarder, in turn: one transfer in each direction, and short
 * connections. Both have one hop in user space between the same program and the same far end, over the same veth; the relay
 * pays the steering, tproxy and a SOCKS5 dialogue in addition. A proxy program between would hide the difference. Needs
 * root, socat, nft, ip and python3. Exits 1 when a demand is missed. Ours is the relay of an installed awg.
 *
 * node bench/proxy.ts [rounds=3] [megabytes=1000] [connections=10000] [socat's buffer=8192, as socat itself has it]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { RELAY_ADDRESSES, relayPort } from "../src/model/ownership.ts";
import { RELAY_NODE_OPTIONS, type RelaySettings, renderRelaySettings } from "../src/model/relay/relay-settings.ts";
import { unixListener } from "../src/native/linux/process/unix-exchange.ffi.ts";
import { type Figure, median, renderFigure } from "./measure.ts";
import { must } from "./program.ts";
import { bundleEnd } from "./tunnel.d/bundle.ts";

const rounds = Number(process.argv[2] ?? 3);
const bytes = Number(process.argv[3] ?? 1000) * 1e6;
const connections = Number(process.argv[4] ?? 10_000);
const buffer = Number(process.argv[5] ?? 8192);
const NEAR = `bench-proxy-${process.pid}`;
const FAR = `${NEAR}-far`;
const SERVER = "203.0.113.2";
/** Has the far end only. */
const TARGET = "198.51.100.1";
const [PLAIN_PORT, SOCKS_PORT, SOCAT_PORT] = [7000, 7001, 7002];
const NOBODY = 65_534;
const PATH = 1;
/** Connections after which memory is read first: what the program needs is loaded then. */
const WARM = 1000;
/** Growth of the resident memory over all connections. */
const FLAT = 1.2;

/** What awg's filter and routes do for a path: its mark, the route to loopback, and tproxy. */
const RULES = `table ip t {
  chain steer { type route hook output priority mangle; ip daddr ${TARGET} meta mark set 0x01000000; }
  chain give { type filter hook prerouting priority mangle; iifname lo meta mark 0x01000000 meta l4proto tcp tproxy to ${RELAY_ADDRESSES[4]}:${relayPort(PATH)} accept; }
}`;

interface Forwarder {
  readonly address: string;
  readonly port: number;
}

const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), "awg-bench-proxy-"));
using bundle = await bundleEnd();
try {
  buildHosts();
  start(FAR, ["python3", join(import.meta.dirname, "proxy.d/far.py")]);
  start(NEAR, [
    "socat",
    "-b",
    String(buffer),
    `TCP-LISTEN:${SOCAT_PORT},fork,reuseaddr,nodelay,backlog=1024`,
    `TCP:${SERVER}:${PLAIN_PORT},nodelay`,
  ]);
  const relayPid = await startRelay();
  const relay: Forwarder = { address: TARGET, port: SOCKS_PORT };
  const socat: Forwarder = { address: "127.0.0.1", port: SOCAT_PORT };
  for (const forwarder of [relay, socat]) await untilAnswering(forwarder);

  const figures: Figure[] = [
    compare("download", (at) => secondsOf(at, "d", bytes)),
    compare("upload", (at) => secondsOf(at, "u", bytes)),
  ];
  secondsOf(relay, "connect", WARM);
  const warm = residentMegabytes(relayPid);
  const peaks: number[] = [];
  figures.push(
    compare(`${connections} connections`, (at) => {
      const seconds = secondsOf(at, "connect", connections);
      if (at === relay) peaks.push(residentMegabytes(relayPid));
      return seconds;
    }),
  );
  const after = {
    name: `relay's memory after ${rounds * connections} connections`,
    unit: "MB",
    ours: Math.max(...peaks),
  };
  figures.push({ ...after, peer: { name: `after ${WARM}`, value: warm }, atMost: FLAT });
  for (const figure of figures) console.log(renderFigure(figure));
  if (figures.some(({ ours, peer, atMost }) => !(ours / peer.value <= atMost))) process.exitCode = 1;

  function compare(name: string, measure: (at: Forwarder) => number): Figure {
    const pairs = Array.from({ length: rounds }, () => [measure(relay), measure(socat)] as const);
    const peer = { name: "socat", value: median(pairs.map(([, theirs]) => theirs)) };
    return { name, unit: "s", ours: median(pairs.map(([ours]) => ours)), peer, atMost: 1 };
  }
} finally {
  for (const child of children) child.kill("SIGKILL");
  for (const name of [NEAR, FAR]) {
    const left = must(["ip", "netns", "pids", name])
      .split("\n")
      .filter((pid) => pid !== "");
    for (const pid of left) process.kill(Number(pid), "SIGKILL");
    must(["ip", "netns", "del", name]);
  }
  rmSync(folder, { recursive: true, force: true });
}

function buildHosts(): void {
  for (const name of [NEAR, FAR]) {
    must(["ip", "netns", "add", name]);
    must(["ip", "-n", name, "link", "set", "lo", "up"]);
  }
  must(["ip", "-n", NEAR, "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", FAR]);
  for (const [name, address] of [
    [NEAR, "203.0.113.1/24"],
    [FAR, `${SERVER}/24`],
  ] as const) {
    must(["ip", "-n", name, "address", "add", address, "dev", "up0"]);
    must(["ip", "-n", name, "link", "set", "up0", "up"]);
  }
  must(["ip", "-n", NEAR, "route", "add", "default", "via", SERVER]);
  must(["ip", "-n", NEAR, "rule", "add", "pref", "100", "fwmark", "0x01000000/0xff000000", "lookup", "100"]);
  must(["ip", "-n", NEAR, "route", "add", "local", "default", "dev", "lo", "table", "100", "src", "127.0.0.1"]);
  must(["ip", "netns", "exec", NEAR, "nft", "-f", "-"], RULES);
}

function start(where: string, argv: readonly string[], settings?: string): void {
  const stdio = ["ignore" as const, "ignore" as const, "inherit" as const, "pipe" as const];
  const child = spawn("ip", ["netns", "exec", where, ...argv], { stdio });
  (child.stdio[3] as Writable).on("error", () => {}).end(settings ?? "");
  children.push(child);
}

/** Gives its process. */
async function startRelay(): Promise<number> {
  const statePath = join(folder, "state");
  const settings: RelaySettings = {
    identity: "bench",
    protocol: "socks5",
    server: { address: SERVER, port: SOCKS_PORT },
    udp: false,
    user: { uid: NOBODY, gid: NOBODY },
    port: relayPort(PATH),
    statePath,
  };
  start(NEAR, [process.execPath, ...RELAY_NODE_OPTIONS, bundle.awg, "relay", "bench"], renderRelaySettings(settings));
  for (let tries = 0; tries < 100; tries += 1) {
    const pid = unixListener(statePath)?.pid;
    if (pid !== undefined) return pid;
    await sleep(100);
  }
  throw new Error("the relay did not start");
}

async function untilAnswering(at: Forwarder): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const child = spawn("ip", nearWords(at, "d", 1), { stdio: "ignore" });
    if ((await once(child, "exit"))[0] === 0) return;
    await sleep(100);
  }
  throw new Error(`${at.address} port ${at.port} does not answer`);
}

function secondsOf(at: Forwarder, what: string, count: number): number {
  return Number(must(["ip", ...nearWords(at, what, count)]));
}

function nearWords({ address, port }: Forwarder, what: string, count: number): string[] {
  const script = join(import.meta.dirname, "proxy.d/near.py");
  return ["netns", "exec", NEAR, "python3", script, address, String(port), what, String(count)];
}

function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
