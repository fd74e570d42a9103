import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Figure, median } from "./measure.ts";
import { installAwg, must, newKeys, writePrivate } from "./program.ts";

const PREFIXES = 10_000;
const RUNS = 3;
const WG_QUICK = "wg-quick";
const WG_QUICK_LIMIT_MS = 60_000;
const SENTINEL = "203.0.113.77";

/** A tunnel with 10,000 allowed IPs: `awg apply` against `wg-quick up`, and what one more prefix writes. */
export async function benchApply(): Promise<readonly Figure[]> {
  const awg = installAwg();
  const keys = newKeys();
  const { publicKey } = newKeys();
  const keyFile = writePrivate("office.key", keys.privateKey);
  const prefixes = Array.from({ length: PREFIXES + 1 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
  const config = writePrivate("config.yaml", configText(keyFile, publicKey, prefixes.slice(0, PREFIXES)));
  const ours: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    if (run > 0) must([awg, "destroy", "--auto-approve"]);
    const start = performance.now();
    must([awg, "apply", "-f", config, "--auto-approve"]);
    ours.push(performance.now() - start);
  }
  const more = writePrivate("more.yaml", configText(keyFile, publicKey, prefixes));
  const written = await countRouteMessages(() => must([awg, "apply", "-f", more, "--auto-approve"]));
  must([awg, "destroy", "--auto-approve"]);
  return [
    {
      name: `awg apply of ${PREFIXES} allowed IPs`,
      unit: "ms",
      ours: median(ours),
      peer: timeWgQuick(wgQuickText(keys.privateKey, publicKey, prefixes.slice(0, PREFIXES))),
      atMost: 1 / 20,
    },
    {
      name: `one prefix added to ${PREFIXES}`,
      unit: "route messages",
      ours: written,
      peer: { name: "prefixes added", value: 1 },
      atMost: 1,
    },
  ];
}

/** The kernel's own count: notices of routes made or removed between opening the monitor and a sentinel route. */
async function countRouteMessages(change: () => void): Promise<number> {
  const path = writePrivate("monitor.txt", "");
  const log = openSync(path, "a");
  const monitor = spawn("ip", ["-o", "monitor", "route"], { stdio: ["ignore", log, "inherit"] });
  closeSync(log);
  try {
    const lines = () => readFileSync(path, "utf8").trim().split("\n");
    const notices = async (end: string) => {
      must(["ip", "route", "replace", "unreachable", end]);
      while (!lines().some((line) => line.includes(end))) await sleep(20);
      return lines().findIndex((line) => line.includes(end));
    };
    // The monitor may not have subscribed yet: the sentinel is written anew until it is seen.
    while (!lines().some((line) => line.includes(SENTINEL))) {
      spawnSync("ip", ["route", "replace", "unreachable", SENTINEL]);
      await sleep(20);
    }
    const before = lines().length;
    change();
    return (await notices("203.0.113.78")) - before;
  } finally {
    monitor.kill();
    await once(monitor, "close");
  }
}

/**
 * One run; it is slow enough that noise matters little. Where it would take minutes it is stopped, and the time for all
 * prefixes is given in proportion to the routes it had written, which is less than it would have taken: it looks each
 * new route up among those that are there.
 */
function timeWgQuick(text: string): { readonly name: string; readonly value: number } {
  const file = writePrivate("office.conf", text);
  const start = performance.now();
  const { status, stderr, error } = spawnSync(WG_QUICK, ["up", file], {
    encoding: "utf8",
    timeout: WG_QUICK_LIMIT_MS,
    killSignal: "SIGKILL",
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, WG_QUICK_USERSPACE_IMPLEMENTATION: "wireguard-go" },
  });
  const value = performance.now() - start;
  if (error !== undefined) {
    const written = must(["ip", "route", "show", "dev", "office"]).split("\n").length - 1;
    const seconds = Math.round(value / 1000);
    const name = `wg-quick up (stopped after ${seconds} s with ${written} routes; in proportion)`;
    return { name, value: (value * PREFIXES) / Math.max(written, 1) };
  }
  if (status !== 0) throw new Error(`wg-quick gave ${status}: ${stderr.slice(-500)}`);
  return { name: "wg-quick up", value };
}

/** One prefix a line: over one line of them all wg-quick (1.0.20210914) sits for more than 25 s before it begins. */
function wgQuickText(privateKey: string, publicKey: string, prefixes: readonly string[]): string {
  return `[Interface]
PrivateKey = ${privateKey}
Address = 192.168.77.2/32

[Peer]
PublicKey = ${publicKey}
Endpoint = 192.0.2.1:51820
${prefixes.map((prefix) => `AllowedIPs = ${prefix}`).join("\n")}
`;
}

function configText(keyFile: string, publicKey: string, prefixes: readonly string[]): string {
  return `apiVersion: awg/v1
name: bench
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: ${keyFile} }
    addresses: [192.168.77.2/32]
    peers:
      - { publicKey: "${publicKey}", endpoint: "192.0.2.1:51820", allowedIPs: [${prefixes.join(", ")}] }
default: { via: office, fallback: block }
killSwitch: { enabled: true }
`;
}
