/** Measures a program's sockets in the place that bench/place.ts made, with and without program rules; prints the figures. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { type Figure, median } from "../measure.ts";
import { commandOf, must, newKeys, writePrivate } from "../program.ts";

const AWG = join(import.meta.dirname, "..", "..", "src", "cli", "awg.ts");
const LOAD = join(import.meta.dirname, "load.py");
const PROGRAM = "/root/load";
const FAR = "192.0.2.1";
const PROGRAM_RULES = 20;
const METRICS = ["sockets", "connections", "throughput"] as const;
type Metric = (typeof METRICS)[number];

const rounds = Number(process.argv[2] ?? "7");
must(["sh", "-c", `ip netns add far && ip link set far0 netns far && ip -n far link set lo up`]);
must(["sh", "-c", `ip -n far address add ${FAR}/24 dev far0 && ip -n far link set far0 up`]);
copyFileSync(realpathSync("/usr/bin/python3"), PROGRAM);
must(["chmod", "755", PROGRAM]);
process.env["PYTHONHOME"] = "/usr";
const keys = newKeys();
const configs = {
  without: writePrivate("without.yaml", config([])),
  with: writePrivate("with.yaml", config(programRules())),
};
const listener = spawn("ip", ["netns", "exec", "far", PROGRAM, LOAD, "listen"], {
  stdio: ["ignore", "pipe", "inherit"],
});
await once(listener.stdout, "data");
const found: Record<keyof typeof configs, Record<Metric, number[]>> = { without: empty(), with: empty() };
try {
  for (let round = 0; round < rounds; round += 1) {
    // Every other round begins with the other one, so that neither always comes first.
    for (const side of round % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const)) {
      apply(configs[side]);
      for (const metric of METRICS) found[side][metric].push(measure(metric));
    }
  }
  apply(configs.with);
  process.stdout.write(JSON.stringify([...METRICS.map(figureOf), costOfLoad()]));
} finally {
  listener.kill();
  must([...awg("destroy"), "--auto-approve"]);
}
process.exit();

function empty(): Record<Metric, number[]> {
  return { sockets: [], connections: [], throughput: [] };
}

function awg(verb: string): string[] {
  return [process.execPath, "--disable-warning=ExperimentalWarning", AWG, verb];
}

function apply(file: string): void {
  must([...awg("apply"), "-f", file, "--auto-approve", "--confirm-within", "0"]);
}

function measure(metric: Metric | "paced"): number {
  return Number(must([PROGRAM, LOAD, metric, ...(metric === "sockets" ? [] : [FAR])]));
}

/** The ratio of a round to the other side of the same round, and the demands of what a program rule may cost. */
function figureOf(metric: Metric): Figure {
  const [name, unit, atMost] = {
    sockets: ["socket() and close()", "ns", 1.15] as const,
    connections: ["a new TCP connection (0.95 of as many a second)", "µs", 1 / 0.95] as const,
    throughput: ["100 MB by TCP (0.97 of the throughput)", "ms", 1 / 0.97] as const,
  }[metric];
  const ratio = median(found.with[metric].map((value, round) => value / (found.without[metric][round] ?? Number.NaN)));
  const value = median(found.without[metric]);
  return {
    name,
    unit,
    ours: ratio * value,
    peer: { name: "without program rules", value },
    atMost: Number(atMost.toFixed(3)),
  };
}

/** User time of awg's processes while a program makes 5,000 connections a second, against that of the program. */
function costOfLoad(): Figure {
  const before = userMs();
  const rate = measure("paced");
  const name = `user time of awg's processes under ${rate.toFixed(0)} new connections a second for 5 s`;
  return {
    name,
    unit: "ms",
    ours: userMs() - before,
    peer: { name: "one percent of a processor", value: 50 },
    atMost: 1,
  };
}

/** User time of all processes of awg in this place, in milliseconds: field 14 of proc_pid_stat(5), in ticks of 10 ms. */
function userMs(): number {
  const ours = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && commandOf(Number(name)).includes("awg.ts"));
  return ours.reduce((sum, pid) => {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return sum + Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[11]) * 10;
  }, 0);
}

function programRules(): string[] {
  return Array.from({ length: PROGRAM_RULES }, (_, n) =>
    n === PROGRAM_RULES - 1
      ? `{ apps: [{ path: ${PROGRAM} }], via: direct }`
      : `{ apps: [{ ${n % 2 === 0 ? "path" : "dir"}: /opt/app-${n} }], via: ${n % 3 === 0 ? "block" : "home"} }`,
  );
}

function config(rules: readonly string[]): string {
  return `apiVersion: awg/v1
name: bench
tunnels:
  home:
    protocol: wireguard
    privateKey: ${keys.privateKey}
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: ${newKeys().publicKey}, endpoint: "${FAR}:51820", allowedIPs: [0.0.0.0/0] }]
rules:
${[...rules, `{ destinations: [${FAR}], via: direct }`].map((rule) => `  - ${rule}\n`).join("")}default: { via: home, fallback: block }
killSwitch: { enabled: true }
`;
}
