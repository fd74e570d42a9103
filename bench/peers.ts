/**
 * What many peers cost, ours and wireguard-go one after the other: the time to add one peer to 5,000, the longest ping
 * meanwhile, while all peers are set again, while each gets another address, while one peer gets and loses 10,000
 * prefixes, and the time until 3,000 peers that reconnect in one second all have a session. Needs root, wg and wireguard-go. Exits 1 when ours misses a demand. On a busy machine run it by chrt -r 10.
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
const PREFIXES = 10_000;
/** A set holds no packet for longer than this, but for what the scheduler of a busy machine adds. */
const PAUSE_MS = 5;
const RECONNECT_MS = 6500;
const ADD_MS = 10;

interface Result {
  readonly addMs: number;
  readonly pauseMs: number;
  readonly idlePauseMs: number;
  readonly resetPauseMs: number;
  /** While each peer's address is replaced. */
  readonly movePauseMs: number;
  /** While one peer gets and loses many prefixes. */
  readonly prefixesPauseMs: number;
  readonly reconnectMs: number;
}

const OURS: Engine = { name: "awg", program: "awg", mtuBytes: 1420 };
const THEIRS: Engine = { name: "wireguard-go", program: "wireguard-go", mtuBytes: 1420 };

using bundle = await bundleEnd();
using lab = new TunnelLab(bundle);
const ours = await measure(OURS);
print("awg", ours);
const peer = await measure(THEIRS);
print(releaseOf("wireguard-go"), peer);
const met =
  ours.addMs <= Math.max(ADD_MS, peer.addMs) &&
  ours.pauseMs <= Math.max(PAUSE_MS + ours.idlePauseMs, peer.pauseMs) &&
  (["resetPauseMs", "movePauseMs", "prefixesPauseMs"] as const).every(
    (name) => ours[name] <= Math.max(PAUSE_MS + ours.idlePauseMs, peer[name]),
  ) &&
  ours.reconnectMs <= Math.max(RECONNECT_MS, peer.reconnectMs);
console.log(met ? "ok" : "MISSED");
process.exitCode = met ? 0 : 1;

async function measure(engine: Engine): Promise<Result> {
  const { addMs, ...pauses } = await measureSets(engine);
  return { addMs, ...pauses, reconnectMs: await measureReconnect(engine) };
}

async function measureSets(engine: Engine): Promise<Omit<Result, "reconnectMs">> {
  await using tunnel = await lab.start(engine);
  const set = (lines: string) => uapiMs(tunnel.farDevice, `set=1\n${lines}\n`);
  const all = Array.from({ length: count }, (_, number) => peerLines(number)).join("");
  await set(all);
  const idlePauseMs = await pauseDuring(() => sleep(1500));
  const times: number[] = [];
  const pauseMs = await pauseDuring(async () => {
    for (let number = 0; number < ADDED; number += 1) {
      times.push(await set(peerLines(count + number)));
      await sleep(50);
    }
  });
  const resetPauseMs = await pauseDuring(() => set(all));
  const moved = Array.from({ length: count }, (_, number) => peerLines(number, 2 * count + number)).join("");
  const movePauseMs = await pauseDuring(() => set(moved));
  const many = Array.from({ length: PREFIXES }, (_, number) => `allowed_ip=11.${number >> 8}.${number & 255}.0/24\n`);
  const prefixesPauseMs = await pauseDuring(async () => {
    await set(peerLines(0) + many.join(""));
    await set(`${peerLines(0).split("\n")[0]}\nremove=true\n`);
  });
  return { addMs: median(times), pauseMs, idlePauseMs, resetPauseMs, movePauseMs, prefixesPauseMs };
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

/** The longest time without an answer to pings every 2 ms while something happens. */
async function pauseDuring(what: () => Promise<unknown>): Promise<number> {
  const ping = spawn("ip", ["netns", "exec", lab.near, "ping", "-i", "0.002", "-D", "-W", "1", "10.66.0.2"]);
  const lines = text(ping.stdout);
  await sleep(300);
  await what();
  await sleep(300);
  ping.kill("SIGINT");
  await once(ping, "exit");
  return Math.max(0, ...[...(await lines).matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms)));
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

function print(name: string, result: Result): void {
  const { addMs, pauseMs, idlePauseMs, resetPauseMs, movePauseMs, prefixesPauseMs, reconnectMs } = result;
  console.log(
    `${name}: one peer added to ${count} in ${addMs.toFixed(1)} ms, longest ping ${pauseMs.toFixed(1)} ms ` +
      `(${idlePauseMs.toFixed(1)} ms without a set, ${resetPauseMs.toFixed(1)} ms while all are set, ` +
      `${movePauseMs.toFixed(1)} ms while all get another address, ${prefixesPauseMs.toFixed(1)} ms while one gets and ` +
      `loses ${PREFIXES} prefixes); ${reconnecting} peers reconnect in ${(reconnectMs / 1000).toFixed(2)} s`,
  );
}
