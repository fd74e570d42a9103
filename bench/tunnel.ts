/**
 * Compares our engine with wireguard-go, each at both ends of a tunnel between two namespaces, in turn, so that both meet
 * the same noise: medians of the rounds count, and ratios, never absolute figures. Needs root, iperf3, ping, wg and
 * wireguard-go; without ethtool the figures for cards that cut nothing cannot be measured. Exits 1 when a demand is missed or
 * its figure was not measured. Ours is the engine process of an installed awg.
 *
 * node bench/tunnel.ts [rounds=3] [seconds=5]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpus, release } from "node:os";
import { text } from "node:stream/consumers";
import { median } from "./measure.ts";
import { bundleEnd } from "./tunnel.d/bundle.ts";
import { type Engine, type RunningTunnel, releaseOf, TunnelLab } from "./tunnel.d/lab.ts";

const rounds = Number(process.argv[2] ?? 3);
const seconds = Number(process.argv[3] ?? 5);
const OURS: Engine = { name: "awg", program: "awg", mtuBytes: 1420 };
/** The wireguard-go on PATH: put another release first there to compare with it. */
const THEIRS: Engine = { name: releaseOf("wireguard-go"), program: "wireguard-go", mtuBytes: 1420 };
/** It has no offloads, later releases have: against these ours must be as good. */
const HAS_OFFLOADS = !THEIRS.name.includes("20220316");
/** S4 costs four bytes of the MTU; with 16 the inner packet keeps the size that makes the comparison fair. */
const PADDED: Engine = {
  name: "awg with AmneziaWG 2.0, S4 = 16",
  program: "awg",
  mtuBytes: 1404,
  obfuscation: {
    s1: "72",
    s2: "40",
    s3: "24",
    s4: "16",
    h1: "1000-2000",
    h2: "3000-4000",
    h3: "98234",
    h4: "100000-900000",
  },
};

/** How full its batches are only the data plane tells, to who runs it. */
const COUNTED: Engine = { name: "awg's data plane alone", program: "data plane", mtuBytes: 1420 };
const ENGINES = [OURS, THEIRS, PADDED, COUNTED];

type Sample = Readonly<Record<string, number>>;

using bundle = await bundleEnd();
using lab = new TunnelLab(bundle);
console.log(
  `# ${new Date().toISOString().slice(0, 10)}, Linux ${release()}, ${cpus().length} cores, node ${process.version}, rounds ${rounds} of ${seconds} s`,
);
const samples = new Map<string, Sample[]>(ENGINES.map(({ name }) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const engine of ENGINES) {
    const sample = await (engine === COUNTED ? measureBatches() : measure(engine));
    samples.get(engine.name)?.push(sample);
    console.log(
      `${engine.name}: ${Object.entries(sample)
        .map(([name, value]) => `${name} ${value.toFixed(3)}`)
        .join(", ")}`,
    );
  }
}
const missed = report();
process.exitCode = missed === 0 ? 0 : 1;

async function measure(engine: Engine): Promise<Sample> {
  const sample: Record<string, number> = {};
  await using tunnel = await lab.start(engine);
  await iperf(["-t", "1"]);
  Object.assign(sample, await measureTcp(tunnel, "one stream", []));
  Object.assign(sample, await measureTcp(tunnel, "four streams", ["-P", "4"]));
  Object.assign(sample, await measureTcp(tunnel, "reverse", ["-R"]));
  Object.assign(sample, await measureTcp(tunnel, "four streams, reverse", ["-P", "4", "-R"]));
  sample["MB resident"] = tunnel.residentMegabytes();
  const udp = await iperf(["-u", "-b", "500M", "-l", "1350", "-t", String(seconds)]);
  sample["UDP 500 Mbit/s loss %"] = udp.lostPercent;
  sample["ms ping -f"] = pingMs();
  if (engine !== PADDED && lab.setSegmentation(false)) {
    Object.assign(sample, await measureTcp(tunnel, "one stream, nothing cut by the card", []));
    lab.setSegmentation(true);
  }
  return sample;
}

async function measureBatches(): Promise<Sample> {
  await using tunnel = await lab.start(COUNTED);
  await iperf(["-t", String(seconds)]);
  const [near, far] = await tunnel.counters();
  const mean = (packets: number | undefined, calls: number | undefined) =>
    (packets ?? Number.NaN) / (calls ?? Number.NaN);
  return {
    "packets a TUN read": mean(near["tunReadPackets"], near["tunReadReads"]),
    "packets a UDP receive": mean(far["udpReceiveDatagrams"], far["udpReceiveReceives"]),
  };
}

async function measureTcp(tunnel: RunningTunnel, name: string, words: readonly string[]): Promise<Sample> {
  const before = tunnel.cpuSeconds();
  const { bitsPerSecond, bytes } = await iperf([...words, "-t", String(seconds)]);
  const cpu = tunnel.cpuSeconds() - before;
  return { [`Gbit/s ${name}`]: bitsPerSecond / 1e9, [`CPU s/Gbit ${name}`]: cpu / ((bytes * 8) / 1e9) };
}

interface IperfResult {
  readonly bitsPerSecond: number;
  readonly bytes: number;
  readonly lostPercent: number;
}

async function iperf(words: readonly string[]): Promise<IperfResult> {
  const server = spawn("ip", ["netns", "exec", lab.far, "iperf3", "-s", "-1"], { stdio: "ignore" });
  const ended = once(server, "exit");
  // The server says nothing useful when it listens: ask until it answers.
  for (let attempt = 0; ; attempt += 1) {
    const argv = ["netns", "exec", lab.near, "iperf3", "-J", "-c", "10.66.0.2", ...words];
    const client = spawn("ip", argv, { stdio: ["ignore", "pipe", "inherit"] });
    const { error, end } = JSON.parse(await text(client.stdout));
    if (error === undefined) {
      await ended;
      const sum = end.sum ?? end.sum_received;
      const received = end.sum_received ?? end.sum;
      return { bitsPerSecond: received.bits_per_second, bytes: received.bytes, lostPercent: sum.lost_percent ?? 0 };
    }
    if (attempt === 50) throw new Error(`iperf3: ${error}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function pingMs(): number {
  const argv = ["netns", "exec", lab.near, "ping", "-f", "-q", "-c", "20000", "-w", String(seconds), "10.66.0.2"];
  const { stdout } = spawnSync("ip", argv, { encoding: "utf8" });
  return Number(/= [\d.]+\/([\d.]+)\//.exec(stdout)?.[1] ?? Number.NaN);
}

interface Demand {
  readonly figure: string;
  readonly of?: Engine;
  readonly against?: Engine;
  readonly least?: number;
  readonly most?: number;
}

function report(): number {
  const demands: readonly Demand[] = [
    ...["one stream", "four streams", "reverse", "four streams, reverse"].flatMap((name): Demand[] => [
      { figure: `Gbit/s ${name}`, against: THEIRS, least: HAS_OFFLOADS ? 1 : 5 },
      { figure: `CPU s/Gbit ${name}`, against: THEIRS, most: HAS_OFFLOADS ? 1 : 0.25 },
    ]),
    { figure: "Gbit/s one stream, nothing cut by the card", against: THEIRS, least: HAS_OFFLOADS ? 1 : 3 },
    { figure: "ms ping -f", against: THEIRS, most: 0.7 },
    { figure: "UDP 500 Mbit/s loss %", against: THEIRS, most: 1 },
    { figure: "MB resident", most: 110 },
    { figure: "packets a TUN read", of: COUNTED, least: 20 },
    { figure: "packets a UDP receive", of: COUNTED, least: 20 },
    { figure: "Gbit/s one stream", of: PADDED, against: OURS, least: 0.75 },
  ];
  return demands.filter((demand) => !judge(demand)).length;
}

/** Prints one line; true when the demand is met. */
function judge({ figure, of = OURS, against, least, most }: Demand): boolean {
  const ours = medianOf(of, figure);
  if (Number.isNaN(ours)) {
    console.log(`NOT MEASURED ${figure}`);
    return false;
  }
  const peer = against === undefined ? 1 : medianOf(against, figure);
  // Nothing lost on either side is equal.
  const ratio = ours === peer ? 1 : ours / peer;
  const met = ratio >= (least ?? 0) && ratio <= (most ?? Number.POSITIVE_INFINITY);
  const demand = least === undefined ? `≤ ${most}` : `≥ ${least}`;
  const beside = against === undefined ? "" : `, ${against.name}: ${peer.toFixed(3)}, ratio ${ratio.toFixed(2)}`;
  console.log(`${met ? "ok     " : "MISSED "} ${figure}: ${of.name} ${ours.toFixed(3)}${beside} (demand ${demand})`);
  return met;
}

function medianOf(engine: Engine, figure: string): number {
  return median((samples.get(engine.name) ?? []).map((sample) => sample[figure] ?? Number.NaN));
}
