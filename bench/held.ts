import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { HELD } from "../src/host/linux/firewall/chain-names.ts";
import { NFT_TABLE } from "../src/model/ownership.ts";
import { type Figure, median } from "./measure.ts";
import { endProcesses, installAwg, must, newKeys, processesWith, writePrivate } from "./program.ts";

const TURNS = 60;
const DEMAND = 1.15;
const DEVICE = "lan0";
const FAR_DEVICE = "far1";
/** Neighbours of the LAN; what the other end of the wire gets is for nobody there, so that nothing answers. */
const NEIGHBOURS = ["192.168.7.9", "fd77::9"] as const;
const LINK_ADDRESS = "02:00:00:00:00:09";

/** A namespace under a policy, and the program in it that sends. */
interface Side {
  readonly child: ChildProcess;
  readonly lines: NodeJS.AsyncIterator<string>;
}

/**
 * What the copy before the judgement (docs/security.md S9.6) costs a small datagram that may leave: processor time of the sending
 * thread, in turn with a namespace of the same policy that has no such chain.
 */
export async function benchHeld(): Promise<readonly Figure[]> {
  const awg = installAwg();
  const key = writePrivate("held.key", newKeys().privateKey);
  for (const name of ["held", "bare"]) protect(awg, name, writePrivate(`${name}.yaml`, configText(name, key)));
  // Their tables stay, as anybody's who may change them.
  await endProcesses(() => processesWith("\0keeper\0"));
  must([
    "ip",
    "netns",
    "exec",
    "bare",
    "nft",
    `flush chain netdev ${NFT_TABLE} ${HELD}; delete chain netdev ${NFT_TABLE} ${HELD}`,
  ]);
  const [ours, peer] = [beginSending("held"), beginSending("bare")];
  try {
    const costs = { ours: [] as (readonly number[])[], peer: [] as (readonly number[])[] };
    for (let turn = 0; turn < TURNS; turn += 1) {
      costs.ours.push(await sendFrom(ours));
      costs.peer.push(await sendFrom(peer));
    }
    return NEIGHBOURS.map((neighbour, at) => ({
      name: `processor time of sending 64 bytes by UDP to ${neighbour} under a kill switch`,
      unit: "ns",
      ours: median(costs.ours.map((turn) => turn[at] ?? Number.NaN)),
      peer: { name: "without the chain of S9.6", value: median(costs.peer.map((turn) => turn[at] ?? Number.NaN)) },
      atMost: DEMAND,
    }));
  } finally {
    for (const { child } of [ours, peer]) child.kill("SIGKILL");
  }
}

function protect(awg: string, name: string, config: string): void {
  const far = `${name}-far`;
  for (const namespace of [name, far]) must(["ip", "netns", "add", namespace]);
  must(["ip", "-n", name, "link", "add", DEVICE, "type", "veth", "peer", "name", FAR_DEVICE, "netns", far]);
  must(["ip", "-n", far, "link", "set", FAR_DEVICE, "up"]);
  must(["ip", "-n", name, "address", "add", "192.168.7.2/24", "dev", DEVICE]);
  must(["ip", "-n", name, "address", "add", "fd77::2/64", "dev", DEVICE, "nodad"]);
  for (const device of ["lo", DEVICE]) must(["ip", "-n", name, "link", "set", device, "up"]);
  for (const neighbour of NEIGHBOURS) {
    must(["ip", "-n", name, "neighbour", "add", neighbour, "lladdr", LINK_ADDRESS, "dev", DEVICE]);
  }
  must(["ip", "-n", name, "route", "add", "default", "via", NEIGHBOURS[0]]);
  must([awg, "apply", "-f", config, "--auto-approve", "--netns", name, "--state-dir", `/root/${name}`]);
}

function beginSending(name: string): Side {
  const program = ["python3", join(import.meta.dirname, "sender.py"), ...NEIGHBOURS];
  const child = spawn("ip", ["netns", "exec", name, ...program], { stdio: ["pipe", "pipe", "inherit"] });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function sendFrom({ child, lines }: Side): Promise<readonly number[]> {
  child.stdin?.write("\n");
  const { value, done } = await lines.next();
  if (done === true) throw new Error("the sender ended");
  return value.split(" ").map(Number);
}

function configText(tunnel: string, key: string): string {
  return `apiVersion: awg/v1
name: bench
tunnels:
  ${tunnel}:
    protocol: wireguard
    privateKey: { file: ${key} }
    addresses: [10.8.0.2/32, "fd08::2/128"]
    peers: [{ publicKey: "${newKeys().publicKey}", endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0, "::/0"] }]
default: { via: ${tunnel}, fallback: block }
killSwitch: { enabled: true, allowLan: true }
dns: { servers: [10.8.0.1], via: ${tunnel} }
`;
}
