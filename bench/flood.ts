/**
 * What a flood of handshake initiations with a right first mac (from who knows the public key) does to an established
 * tunnel and to a new peer: ours and wireguard-go, one after the other, each at both ends. Needs root, wg, ping and
 * wireguard-go. Exits 1 when ours loses more pings, answers them later, or admits a new peer later.
 *
 * node bench/flood.ts [initiations a second=40000] [source addresses=1] [quiet]
 *
 * `quiet`: with the parameter disableCookies of AmneziaWG 3.1, where wireguard-go has no equal; the demand is then 5.5 s
 * for the new peer.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { bundleEnd } from "./tunnel.d/bundle.ts";
import { type Engine, keyPair, releaseOf, TunnelLab } from "./tunnel.d/lab.ts";

const perSecond = Number(process.argv[2] ?? 40_000);
const sources = Number(process.argv[3] ?? 1);
const isQuiet = process.argv[4] === "quiet";
const PINGS = 100;
const FLOOD_SECONDS = 12;
const NEWCOMER_MS = 5500;
/** Differences below these are noise of the scheduler. */
const NOISE_MS = 500;
const SOON_MS = 10;

interface Result {
  readonly lost: number;
  readonly averageMs: number;
  readonly newPeerMs: number;
  readonly sent: number;
  /** Processors that both ends used. */
  readonly cores: number;
}

const OURS: Engine = {
  name: "awg",
  program: "awg",
  mtuBytes: 1420,
  ...(isQuiet ? { obfuscation: { disablecookies: "on" } } : {}),
};
const THEIRS: Engine = { name: "wireguard-go", program: "wireguard-go", mtuBytes: 1420 };

using bundle = await bundleEnd();
using lab = new TunnelLab(bundle);
lab.addSources(sources);
const ours = await measure(OURS);
const peer = isQuiet ? undefined : await measure(THEIRS);
print(OURS.name, ours);
if (peer !== undefined) print(releaseOf("wireguard-go"), peer);
const isNewPeerMet = ours.newPeerMs <= (peer === undefined ? NEWCOMER_MS : peer.newPeerMs + NOISE_MS);
const met =
  isNewPeerMet &&
  (peer === undefined || (ours.lost <= peer.lost && ours.averageMs <= Math.max(peer.averageMs, SOON_MS)));
console.log(met ? "ok" : "MISSED");
process.exitCode = met ? 0 : 1;

async function measure(engine: Engine): Promise<Result> {
  const newcomer = keyPair();
  await using tunnel = await lab.start(engine, [newcomer.public]);
  const flood = inNear("flooder.ts", [tunnel.farPublicKey, String(perSecond), String(FLOOD_SECONDS), String(sources)]);
  await sleep(2000);
  const entering = inNear("newcomer.ts", [newcomer.private, tunnel.farPublicKey]);
  const ping = spawn("ip", [
    ...["netns", "exec", lab.near, "ping", "-q", "-i", "0.03", "-W", "1"],
    ...["-c", String(PINGS), "10.66.0.2"],
  ]);
  const [cpuBefore, begun] = [tunnel.cpuSeconds(), performance.now()];
  const report = await text(ping.stdout);
  const cores = ((tunnel.cpuSeconds() - cpuBefore) * 1000) / (performance.now() - begun);
  const newPeerMs = Number(await entering);
  const sent = Number(await flood) / FLOOD_SECONDS;
  const received = Number(/(\d+) received/.exec(report)?.[1] ?? 0);
  const averageMs = Number(/= [\d.]+\/([\d.]+)\//.exec(report)?.[1] ?? Number.POSITIVE_INFINITY);
  return { lost: PINGS - received, averageMs, newPeerMs, sent, cores };
}

function print(name: string, { lost, averageMs, newPeerMs, sent, cores }: Result): void {
  console.log(
    `${name}: ${lost} of ${PINGS} pings lost, ${averageMs.toFixed(1)} ms on average; new peer after ` +
      `${(newPeerMs / 1000).toFixed(2)} s; ${cores.toFixed(2)} processors; ` +
      `${Math.round(sent)} initiations a second from ${sources} addresses`,
  );
}

/** Runs a script of this bench in the near namespace; gives what it prints. */
function inNear(script: string, words: readonly string[]): Promise<string> {
  const program = [process.execPath, join(import.meta.dirname, "tunnel.d", script), ...words];
  const child = spawn("ip", ["netns", "exec", lab.near, ...program], { stdio: ["ignore", "pipe", "inherit"] });
  return text(child.stdout);
}
