import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type PrivateHost, WHO } from "../private-host.ts";
import { DaemonProbe } from "./daemon-probe.ts";
import { DAEMON_SOCKET, floodWords, processorMs, residentMb } from "./flooded-host.ts";

/** Ports of `awg ui` and `awg gateway` on loopback. */
export const DOORS = { ui: 1778, gateway: 1777 } as const;

/** What a stranger did to the host by the ports of loopback, while `awg verify` ran. */
export interface FloodedDoors {
  /** Milliseconds of the daemon's answers to `state`, the shortest first. */
  readonly answersMs: readonly number[];
  /** Processor time of the daemon in a second of the flood. */
  readonly daemonCpuMs: number;
  readonly daemonMb: number;
  /** Of each door, in the order of its pid. */
  readonly doorsMb: readonly number[];
  /** Runs of `awg verify` that proved the rules. */
  readonly verified: number;
  /** Seconds that the elements of the fallback's set had left at each look; 0 when it was empty. */
  readonly leftSeconds: readonly number[];
  /** Connections of the flood. */
  readonly opened: number;
}

/** A stranger's requests to both doors, and silent connections to one; nothing else is disturbed. */
export async function floodDoors(
  host: PrivateHost,
  pids: { readonly daemon: number; readonly doors: readonly number[] },
  config: string,
  seconds: number,
): Promise<FloodedDoors> {
  using probe = new DaemonProbe(host.outside(DAEMON_SOCKET), "state", 20);
  const usedMs = processorMs(pids.daemon);
  const floods = [
    ["requests", DOORS.ui],
    ["requests", DOORS.gateway],
    ["silent", DOORS.gateway],
  ].map(([kind, port]) => outputOf(host, floodWords(`${kind}`, `${port}`, seconds), WHO.stranger));
  const loop = ["timeout", String(seconds), "sh", "-c", 'while :; do "$@" >/dev/null && echo ok; done', "sh"];
  const verifying = outputOf(host, [...loop, ...host.argv("verify", "-f", config)]);
  const leftSeconds: number[] = [];
  for (const endMs = Date.now() + seconds * 1000; Date.now() < endMs; await sleep(200)) leftSeconds.push(leftOf(host));
  const opened = (await Promise.all(floods)).map((said) => (JSON.parse(said) as { readonly opened: number }).opened);
  const daemonCpuMs = (processorMs(pids.daemon) - usedMs) / seconds;
  return {
    answersMs: probe.times,
    daemonCpuMs,
    daemonMb: residentMb(pids.daemon),
    doorsMb: pids.doors.map(residentMb),
    verified: (await verifying).split("\n").length - 1,
    leftSeconds,
    opened: opened.reduce((sum, one) => sum + one, 0),
  };
}

/** Asks again and again, each time on a new connection; 000 if there was no answer. */
const ASK = `while :; do
  curl -s -m 5 -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $(cat /tmp/token)" "$0"; sleep 0.1
done`;

/** What the gateway answers to a holder of its token while a stranger sends it requests that never end. */
export async function askFloodedGateway(host: PrivateHost, seconds: number): Promise<readonly string[]> {
  const flooding = outputOf(host, floodWords("unfinished", `${DOORS.gateway}`, seconds), WHO.stranger);
  await sleep(1_000);
  const loop = ["timeout", String(seconds - 1), "sh", "-c", ASK, `http://127.0.0.1:${DOORS.gateway}/api/status`];
  const said = await outputOf(host, loop, WHO["viewer by primary group"]);
  await flooding;
  return said.trim().split("\n");
}

async function outputOf(host: PrivateHost, words: readonly string[], who: readonly string[] = []): Promise<string> {
  const [command = "", ...rest] = host.inside(words, who);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child, "close");
  return said;
}

interface Listed {
  readonly nftables: readonly { readonly set?: { readonly name: string; readonly elem?: readonly unknown[] } }[];
}

/** The least time that an element of a fallback's set has left, in seconds; 0 without any. */
function leftOf(host: PrivateHost): number {
  const listed = JSON.parse(host.run(["nft", "-j", "list", "sets", "inet"]).stdout) as Listed;
  const elements = listed.nftables.flatMap(({ set }) => (set?.name.startsWith("fallback") ? (set.elem ?? []) : []));
  const left = elements.map((one) => (one as { readonly elem: { readonly expires: number } }).elem.expires);
  return left.length === 0 ? 0 : Math.min(...left);
}
