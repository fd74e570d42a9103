/**
 * What many peers cost, ours and wireguard-go one after the other: the time to add one peer to 5,000, the longest ping
 * meanwhile, while all peers are set again, while each gets another address, while one peer gets and loses 10,000
 * prefixes, and the time until 3,000 peers that reconnect in one second all have a session. Each is done several times;
 * medians count. Needs root, wg and wireguard-go. Exits 1 when ours is worse than wireguard-go by more than noise, or
 * holds a ping too long. On a busy machine run it by chrt -r 10.
 *
 * node bench/peers.ts [peers=5000] [reconnecting=3000]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./measure.ts";
import { bundleEnd } from "./tunnel.d/bundle.ts";
import { type Engine, keyPair, releaseOf, TunnelLab } from "./tunnel.d/lab.ts";

const count = Number(process.argv[2] ?? 5000);
const reconnecting = Number(process.argv[3] ?? 3000);
const ADDED = 20;
const ROUNDS = 9;
const PREFIXES = 10_000;
/** No set holds a packet longer than this, but for what the scheduler of a busy machine adds. */
const PAUSE_MS = 5;
const RECONNECT_MS = 6500;
/** Differences below these are noise of the scheduler. */
const NOISE_MS = 0.5;
const RECONNECT_NOISE_MS = 500;
/** A set may hold pings that are sent so long after its answer. */
const AFTER_MS = 20;

/** The longest ping of each of several equal events. */
interface Pauses {
  readonly medianMs: number;
  readonly longestMs: number;
}

interface Result {
  readonly addMs: number;
  readonly pauses: Readonly<Record<string, Pauses>>;
  readonly reconnectMs: number;
}

const OURS: Engine = { name: "awg", program: "awg", mtuBytes: 1420 };
const THEIRS: Engine = { name: "wireguard-go", program: "wireguard-go", mtuBytes: 1420 };
const IDLE = "without a set";

using bundle = await bundleEnd();
using lab = new TunnelLab(bundle);
const ours = await measure(OURS);
print("awg", ours);
const peer = await measure(THEIRS);
print(releaseOf("wireguard-go"), peer);
const misses = [
  ...(ours.addMs <= peer.addMs + NOISE_MS ? [] : ["one peer added"]),
  ...Object.keys(ours.pauses).filter((name) => !isAsShort(name)),
  ...(ours.reconnectMs <= Math.min(RECONNECT_MS, peer.reconnectMs + RECONNECT_NOISE_MS) ? [] : ["reconnecting"]),
];
console.log(misses.length === 0 ? "ok" : `MISSED: ${misses.join(", ")}`);
process.exitCode = misses.length === 0 ? 0 : 1;

/** Whether our pauses are usually as short as the peer's, and none is too long. */
function isAsShort(name: string): boolean {
  const [mine, idle, theirs] = [ours.pauses[name], ours.pauses[IDLE], peer.pauses[name]];
  if (mine === undefined || idle === undefined || theirs === undefined || name === IDLE) return true;
  return (
    mine.medianMs <= theirs.medianMs + NOISE_MS &&
    mine.longestMs <= Math.max(PAUSE_MS + idle.longestMs, theirs.longestMs)
  );
}

async function measure(engine: Engine): Promise<Result> {
  return { ...(await measureSets(engine)), reconnectMs: await measureReconnect(engine) };
}

async function measureSets(engine: Engine): Promise<Omit<Result, "reconnectMs">> {
  await using tunnel = await lab.start(engine);
  const set = (lines: string) => uapiMs(tunnel.farDevice, `set=1\n${lines}\n`);
  const all = (first: number) => Array.from({ length: count }, (_, at) => peerLines(at, first + at)).join("");
  // Built before the pings: this process uses the same processors as the engine.
  const [first = "", ...others] = Array.from({ length: 1 + ROUNDS }, (_, round) => all(2 * round * count));
  const prefixes = Array.from({ length: PREFIXES }, (_, at) => `allowed_ip=11.${at >> 8}.${at & 255}.0/24\n`).join("");
  await set(first);
  const idle = await pausesDuring(ADDED, () => sleep(2 * AFTER_MS));
  const times: number[] = [];
  const added = await pausesDuring(ADDED, async (round) => times.push(await set(peerLines(count + round))));
  const again = await pausesDuring(ROUNDS, () => set(first));
  const moved = await pausesDuring(ROUNDS, (round) => set(others[round] ?? ""));
  const many = await pausesDuring(ROUNDS, async () => {
    await set(peerLines(0) + prefixes);
    await set(`${peerLines(0).split("\n")[0]}\nremove=true\n`);
  });
  const pauses = {
    [IDLE]: idle,
    "while one is added": added,
    "all are set again": again,
    "all get another address": moved,
    [`one gets and loses ${PREFIXES} prefixes`]: many,
  };
  return { addMs: median(times), pauses };
}

async function measureReconnect(engine: Engine): Promise<number> {
  const responder = keyPair();
  const keys = Array.from({ length: reconnecting }, keyPair);
  const end = await lab.startResponder(
    engine.program,
    responder.private,
    keys.map((key) => key.public),
  );
  try {
    const program = [process.execPath, join(import.meta.dirname, "tunnel.d/reconnect.ts")];
    const child = spawn("ip", ["netns", "exec", lab.near, ...program], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(JSON.stringify({ responder: responder.public, keys: keys.map((key) => key.private) }));
    return Number(await text(child.stdout));
  } finally {
    await end.stop();
  }
}

/** A peer by its number: a public key that nobody has, and one address. */
function peerLines(number: number, address = number): string {
  const key = `0102030405060708${number.toString(16).padStart(48, "0")}`;
  return `public_key=${key}\nreplace_allowed_ips=true\nallowed_ip=10.${100 + (address >> 16)}.${(address >> 8) & 255}.${address & 255}/32\n`;
}

/** Does something several times under pings every 2 ms. */
async function pausesDuring(rounds: number, what: (round: number) => Promise<unknown>): Promise<Pauses> {
  const ping = spawn("ip", ["netns", "exec", lab.near, "ping", "-i", "0.002", "-D", "-W", "1", "10.66.0.2"]);
  const lines = text(ping.stdout);
  await sleep(300);
  const spans: { readonly from: number; readonly to: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const from = unixMs();
    await what(round);
    spans.push({ from, to: unixMs() + AFTER_MS });
    await sleep(2 * AFTER_MS);
  }
  await sleep(300);
  ping.kill("SIGINT");
  await once(ping, "exit");
  const replies = [...(await lines).matchAll(/^\[([\d.]+)\].* time=([\d.]+) ms/gm)].map(([, at, ms]) => ({
    at: Number(at) * 1000,
    ms: Number(ms),
  }));
  const longest = spans.map(({ from, to }) =>
    Math.max(0, ...replies.filter(({ at, ms }) => at >= from && at - ms <= to).map(({ ms }) => ms)),
  );
  return { medianMs: median(longest), longestMs: Math.max(...longest) };
}

/** As `ping -D` writes it, in milliseconds. */
function unixMs(): number {
  return performance.timeOrigin + performance.now();
}

function uapiMs(device: string, request: string): Promise<number> {
  const begun = performance.now();
  const socket = createConnection(`/var/run/wireguard/${device}.sock`);
  return new Promise((resolve, reject) => {
    let answer = "";
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      answer += chunk.toString();
      if (!answer.endsWith("\n\n")) return;
      socket.destroy();
      if (answer === "errno=0\n\n") resolve(performance.now() - begun);
      else reject(new Error(`the engine answered ${answer}`));
    });
    socket.write(request);
  });
}

function print(name: string, { addMs, pauses, reconnectMs }: Result): void {
  const texts = Object.entries(pauses).map(
    ([event, { medianMs, longestMs }]) => `${medianMs.toFixed(1)} (${longestMs.toFixed(1)}) ms ${event}`,
  );
  console.log(
    `${name}: one peer added to ${count} in ${addMs.toFixed(1)} ms; longest ping, median (and of all): ` +
      `${texts.join(", ")}; ${reconnecting} peers reconnect in ${(reconnectMs / 1000).toFixed(2)} s`,
  );
}
