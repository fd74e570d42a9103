import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { settledRuleset } from "../../support/ruleset-text.ts";
import { tryRun } from "../world/command.ts";
import { place } from "../world/place.ts";
import type { Scene } from "./disruption.ts";

/** Reads what the product keeps on the client, by other programs than it uses itself. */
const script = (device: string): string => `
{ ip rule; ip -6 rule; } | sort
{ ip route show table all dev ${device}; ip -6 route show table all dev ${device}; } | sort
{ ip route show table all type unreachable; ip -6 route show table all type unreachable; } | sort
ip -o link show ${device} | sed 's/^[0-9]*: //'
ip address show dev ${device} | sed -n 's/^ *\\(inet6* [^ ]*\\).*/\\1/p'
wg show ${device} peers; wg show ${device} allowed-ips
nft list table inet awg; nft list table netdev awg; nft list table arp awg`;

const GENERATION = fileURLToPath(new URL("../python/generation.py", import.meta.url));
const MOST_READINGS = 20;

/** The elements of a set that packets fill: they come and go by themselves. */
const passingElements = /(\t\tflags [a-z,]*dynamic[^\n]*\n(?:\t\ttimeout [^\n]*\n)?)\t\telements = \{[^}]*\}\n/g;

const restless = [
  [/counter packets \d+ bytes \d+/g, "counter"],
  [/ expires \S+/g, ""],
  [/ pref \w+$/gm, ""],
  [/ (?:state|qdisc|qlen|mode|group) \S+/g, ""],
] as const;

/** The shape of what the product made, as text: equal shapes are equally protected. Parts that are gone are absent. */
export async function shapeOf({ world, product }: Scene): Promise<string> {
  const inside = ["ip", "netns", "exec", world.namespace("client"), "sh", "-c", script(product.device)];
  const { stdout } = await tryRun(inside);
  // Link-local addresses and what hangs on them are the kernel's own.
  const lasting = settledRuleset(stdout).replaceAll(passingElements, "$1");
  const kept = lasting.split("\n").filter((line) => !/fe80:|proto kernel|^multicast ff00/.test(line));
  const text = restless.reduce((shape, [what, by]) => shape.replaceAll(what, by), kept.join("\n"));
  return `${text}\nresolv.conf: ${readText(product.resolvConf)}`;
}

/**
 * The same, of one generation of the ruleset: a listing during which another keeper loads its tables anew can lack rules that
 * stand. Where it goes on changing, what was read last.
 */
export async function settledShapeOf(scene: Scene): Promise<string> {
  for (let reading = 1; ; reading += 1) {
    const generation = await generationOf(scene);
    const shape = await shapeOf(scene);
    if (reading === MOST_READINGS || (await generationOf(scene)) === generation) return shape;
  }
}

function generationOf({ world }: Scene): Promise<string> {
  return world.inside("client", ["python3", GENERATION]);
}

/** Whether packets of an ordinary program reach the internet and come back, by IPv4 and by IPv6. */
export async function carriesTraffic({ world }: Pick<Scene, "world">): Promise<boolean> {
  const ask = (address: string): Promise<boolean> =>
    tryRun(["ip", "netns", "exec", world.namespace("client"), "ping", "-n", "-q", "-c", "1", "-W", "1", address]).then(
      ({ status }) => status === 0,
    );
  const answers = await Promise.all([ask(place.v4.echo), ask(place.v6.echo)]);
  return answers.every(Boolean);
}

/** The lines in which two shapes differ, for failures. */
export function differenceOf(wanted: string, is: string): string {
  const [before, now] = [wanted.split("\n"), is.split("\n")];
  const missing = before.filter((line) => !now.includes(line)).map((line) => `- ${line.trim()}`);
  const added = now.filter((line) => !before.includes(line)).map((line) => `+ ${line.trim()}`);
  return [...missing, ...added].slice(0, 40).join("\n");
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "(none)";
  }
}
