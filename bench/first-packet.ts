import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Figure, median } from "./measure.ts";
import { commandOf, endProcesses, installAwg, must, newKeys, processesWith, writePrivate } from "./program.ts";

const RUNS = 5;
const INSIDE = "10.8.0.1";
const LIMIT_MS = 60_000;
/** By then one that was started is loaded. */
const SETTLE_MS = 2_000;
const COLD_DEMAND_MS = 1000;
const WARM_DEMAND_MS = 300;
/** In a row, so that the mean wait for the next one adds 5 ms. */
const PING_SECONDS = "0.01";

/** A tunnel of a configuration, and the rule that leads its network into it. */
interface Tunnel {
  readonly text: string;
  readonly rule: string;
}

/** From the start of `awg apply` to the first answer through the new tunnel, awg at both ends: a program pings all the time. */
export async function benchFirstPacket(): Promise<readonly Figure[]> {
  const awg = installAwg();
  const [near, far] = [newKeys(), newKeys()];
  startFarEnd(awg, far.privateKey, near.publicKey);
  const idle = tunnelText("idle", near.privateKey, newKeys().publicKey, "10.9.0", "192.0.2.99:51820");
  const office = tunnelText("office", near.privateKey, far.publicKey, "10.8.0", "192.0.2.1:51820");
  const [one, both] = [
    writePrivate("idle.yaml", configText(idle)),
    writePrivate("both.yaml", configText(idle, office)),
  ];
  const only = writePrivate("office.yaml", configText(office));
  const apply = (config: string): string[] => [awg, "apply", "-f", config, "--auto-approve", "--confirm-within", "0"];
  await untilCodeIsKept(awg);
  const cold: number[] = [];
  const warm: number[] = [];
  const node: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    node.push(timeOf(["node", "-e", "0"]));
    cold.push(await firstAnswer(apply(only)));
    must([awg, "destroy", "--auto-approve"]);
    await endKeeper();
    must(apply(one));
    await untilStandbys();
    warm.push(await firstAnswer(apply(both)));
    must([awg, "destroy", "--auto-approve"]);
    await endKeeper();
  }
  const figure = (name: string, ours: number, demandMs: number): Figure => ({
    name: `from apply to the first packet through, ${name} (node -e 0: ${median(node).toFixed(1)} ms)`,
    unit: "ms",
    ours,
    peer: { name: "what is demanded", value: demandMs },
    atMost: 1,
  });
  return [
    figure("cold", median(cold), COLD_DEMAND_MS),
    figure("with the keeper running", median(warm), WARM_DEMAND_MS),
  ];
}

/** An engine keeps its compiled code some seconds after its first start; all later ones start from that. */
async function untilCodeIsKept(awg: string): Promise<void> {
  const cache = join(dirname(awg), "cache");
  for (const deadline = Date.now() + LIMIT_MS; !readdirSync(cache).some((name) => name.startsWith("engine-")); ) {
    if (Date.now() > deadline) throw new Error("no engine kept its compiled code");
    await sleep(100);
  }
}

/** Some seconds after an apply its keeper has an engine on standby; here there are two keepers, one at each end. */
async function untilStandbys(): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; processesWith("\0engine\0standby\0").length < 2; await sleep(100)) {
    if (Date.now() > deadline) throw new Error("no engine came on standby");
  }
  await sleep(SETTLE_MS);
}

function timeOf(command: readonly string[]): number {
  const begun = performance.now();
  must(command);
  return performance.now() - begun;
}

/** Milliseconds from the start of the command to the first answer to a ping; the command must succeed. */
async function firstAnswer(command: readonly string[]): Promise<number> {
  const ping = spawn("ping", ["-n", "-D", "-i", PING_SECONDS, INSIDE], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(ping, "close");
  const answered = new Promise<number>((resolve) => {
    ping.stdout.setEncoding("utf8").on("data", (text: string) => {
      const at = /^\[([0-9.]+)\] \d+ bytes from/m.exec(text)?.[1];
      if (at !== undefined) resolve(Number(at) * 1000);
    });
  });
  await sleep(200);
  const begun = Date.now();
  const [program = "", ...rest] = command;
  const child = spawn(program, rest, { stdio: ["ignore", "ignore", "inherit"] });
  const [status] = (await once(child, "close")) as [number];
  if (status !== 0) throw new Error(`${command.join(" ")} exited ${status}`);
  const at = await Promise.race([answered, sleep(LIMIT_MS, Number.NaN, { ref: false })]);
  ping.kill("SIGKILL");
  await ended;
  if (Number.isNaN(at)) throw new Error("nothing came through the tunnel");
  return at - begun;
}

/** Ends the keeper of the near end; processes of other places are not to be seen from here. */
async function endKeeper(): Promise<void> {
  await endProcesses(() => processesWith("\0keeper\0").filter((pid) => !commandOf(pid).includes("netns-")));
}

function startFarEnd(awg: string, privateKey: string, client: string): void {
  must(["ip", "netns", "add", "far"]);
  must(["ip", "link", "set", "far0", "netns", "far"]);
  must(["ip", "-n", "far", "link", "set", "lo", "up"]);
  must(["ip", "-n", "far", "address", "add", "192.0.2.1/24", "dev", "far0"]);
  must(["ip", "-n", "far", "link", "set", "far0", "up"]);
  const key = writePrivate("far.key", privateKey);
  const config = writePrivate(
    "far.yaml",
    `apiVersion: awg/v1
tunnels:
  guests:
    protocol: wireguard
    privateKey: { file: ${key} }
    listenPort: 51820
    addresses: [${INSIDE}/24]
    peers: [{ publicKey: "${client}", allowedIPs: [10.8.0.2/32] }]
default: { via: direct }
`,
  );
  const where = ["--netns", "far", "--state-dir", "/root/far-state"];
  must([awg, "apply", "-f", config, "--auto-approve", "--confirm-within", "0", ...where]);
}

function tunnelText(name: string, privateKey: string, peer: string, net: string, endpoint: string): Tunnel {
  const key = writePrivate(`${name}.key`, privateKey);
  const rule = `  - { destinations: [${net}.0/24], via: ${name} }\n`;
  const text = `  ${name}:
    protocol: wireguard
    privateKey: { file: ${key} }
    addresses: [${net}.2/32]
    peers: [{ publicKey: "${peer}", endpoint: "${endpoint}", allowedIPs: [${net}.0/24] }]
`;
  return { text, rule };
}

function configText(...texts: readonly Tunnel[]): string {
  const tunnels = texts.map(({ text }) => text).join("");
  const rules = texts.map(({ rule }) => rule).join("");
  return `apiVersion: awg/v1
name: bench
tunnels:
${tunnels}rules:
${rules}default: { via: direct }
killSwitch: { enabled: false }
`;
}
