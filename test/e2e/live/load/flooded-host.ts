import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type PrivateHost, WHO } from "../private-host.ts";
import { DaemonProbe, quantile } from "./daemon-probe.ts";

export const DAEMON_SOCKET = "/run/awg/daemon.sock";
const VIEWER_SOCKET = "/run/awg/daemon-viewer.sock";
export const API_SOCKET = "/run/awg/awg.sock";

/** Floods of the API's socket, and of the daemon's own by a viewer and by a stranger. */
export const FLOODS = ["silent", "reset", "streams", "ping", "settings", "continuation", "lines", "stranger"] as const;
export type Flood = (typeof FLOODS)[number];

/** Of the daemon's own socket a viewer is the least that may connect; of the API's, root has the most places. */
const ATTACKS: Readonly<Partial<Record<Flood, { readonly socket: string; readonly who: readonly string[] }>>> = {
  lines: { socket: VIEWER_SOCKET, who: WHO["viewer by primary group"] },
  stranger: { socket: DAEMON_SOCKET, who: WHO.stranger },
};

/** What a flood did to the daemon. */
export interface Flooded {
  /** Until the packet filter was back after it was removed by hand. */
  readonly backMs: number;
  /** Milliseconds of the daemon's answers to `state`, the shortest first. */
  readonly answersMs: readonly number[];
  /** Processor time of the daemon in a second of the flood, before the filter was removed. */
  readonly daemonCpuMs: number;
  readonly daemonMb: number;
  /** By how much it is more than before. */
  readonly moreMb: number;
  readonly apiMb: number;
  /** Connections of the flood, and bytes. */
  readonly opened: number;
  readonly sentBytes: number;
}

/** The words of a flood of a socket. */
export function floodWords(kind: string, socket: string, seconds: number): readonly string[] {
  const words = [process.execPath, join(import.meta.dirname, "flood.script.ts"), kind, socket, String(seconds)];
  return ["sh", "-c", 'ulimit -n 20000 && exec "$@"', "sh", ...words];
}

/** Floods a host; in the middle of it, the keeper is killed and the whole ruleset is flushed. */
export async function flood(
  host: PrivateHost,
  { daemon, api }: { readonly daemon: number; readonly api: number },
  kind: Flood | "none",
  seconds: number,
): Promise<Flooded> {
  using probe = new DaemonProbe(host.outside(DAEMON_SOCKET), "state", 20);
  const attack = (kind === "none" ? undefined : ATTACKS[kind]) ?? { socket: API_SOCKET, who: WHO.root };
  const [command = "", ...words] = host.inside(floodWords(kind, attack.socket, seconds), attack.who);
  const child = kind === "none" ? undefined : spawn(command, words, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child?.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const usedMs = processorMs(daemon);
  const beforeMb = residentMb(daemon);
  await sleep((seconds * 1000) / 2);
  const daemonCpuMs = (processorMs(daemon) - usedMs) / (seconds / 2);
  const backMs = flushAndWait(host);
  if (child === undefined) await sleep((seconds * 1000) / 2);
  else if (child.exitCode === null) await once(child, "close");
  const { opened = 0, sent = 0 } = said === "" ? {} : (JSON.parse(said) as { opened: number; sent: number });
  const daemonMb = residentMb(daemon);
  const memory = { daemonMb, moreMb: daemonMb - beforeMb, apiMb: residentMb(api) };
  return { backMs, answersMs: probe.times, daemonCpuMs, ...memory, opened, sentBytes: sent };
}

/** Kills the keeper, whose tables nobody else can remove, removes them, and waits until they are back. */
function flushAndWait(host: PrivateHost): number {
  const found = spawnSync("pgrep", ["--ns", String(host.pid), "--nslist", "pid", "-f", "keeper --run-dir"], {
    encoding: "utf8",
  });
  for (const pid of found.stdout.split("\n").map(Number)) if (pid > 0) process.kill(pid, "SIGKILL");
  const script = `begin=$(date +%s%N)
for try in 1 2 3 4 5 6 7 8 9 10; do
  nft flush ruleset
  nft list tables | grep -q "inet awg" || break
done
until nft list chain inet awg leaving >/dev/null 2>&1; do :; done
echo $(( ($(date +%s%N) - begin) / 1000000 ))`;
  const { stdout, stderr } = host.run(["sh", "-c", script]);
  if (stdout === "") throw new Error(`the filter did not come back: ${stderr}`);
  return Number(stdout);
}

export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** User and system time of a process; proc(5) counts in hundredths of a second. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** One line for people. */
export function renderFlooded(kind: string, flooded: Flooded): string {
  const { backMs, answersMs, daemonCpuMs, daemonMb, moreMb, apiMb, opened, sentBytes } = flooded;
  const [p50, p99] = [quantile(answersMs, 0.5), quantile(answersMs, 0.99)].map((ms) => ms.toFixed(1));
  const sizes = `daemon ${daemonCpuMs.toFixed(0)} ms a second, ${daemonMb.toFixed(0)} MB (${moreMb.toFixed(1)} more), API ${apiMb.toFixed(0)} MB`;
  const sent = `${opened} connections, ${(sentBytes / 1e6).toFixed(0)} MB sent`;
  return `${kind}: filter back in ${backMs} ms; daemon answers p50 ${p50}, p99 ${p99} ms; ${sizes}; ${sent}`;
}
