import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AwgInWorld } from "../awg-in-world.ts";
import type { JudgedWorld } from "../judged-world.ts";
import { settledMachine } from "../machine-text.ts";

/** What stands after one of the applies, and what it took. */
export interface Applied {
  /** Name of the configuration. */
  readonly wish: string;
  /** The machine part by part. What the kernel numbers anew at every birth of a device is left out. */
  readonly machine: Readonly<Record<string, string>>;
  /** Names of the state folder's files; generations are counted in `generations` instead. */
  readonly state: readonly string[];
  readonly generations: number;
  readonly secrets: number;
  /** Files of awg's in /run of this namespace, and how many logs of engines beside. */
  readonly running: readonly string[];
  readonly logs: number;
  /** Of the keeper. */
  readonly descriptors: number;
  readonly residentKib: number;
  /** Processor time of the command, by the clock ticks of Linux. */
  readonly cpuMs: number;
}

/** Configurations that replace each other in turn, by name; `nth` makes the newcomer's tunnel another each time. */
export type Wishes = Readonly<Record<string, (nth: number) => string>>;

/**
 * Configurations that differ in server, version of IP, rules, switches, engine and tunnels. `newcomer` has a second tunnel
 * whose name never came before: path numbers, tables, secrets and records of tunnels that are gone could add up.
 */
export function wishesOf(awg: AwgInWorld, { first, second }: JudgedWorld): Wishes {
  const rules = `rules:
  - { destinations: [198.18.0.0/16], via: direct }
  - { destinations: [203.0.113.0/24], ports: [443, 8000-8999], protocol: tcp, via: block }`;
  return {
    plain: () => awg.config({ server: first }),
    "other server": () => awg.config({ server: second }),
    "rules and LAN": () => awg.config({ server: first, allowLan: true, more: rules }),
    newcomer: (nth) => withNewcomer(awg, awg.config({ server: first }), nth),
    "own engine": () => awg.config({ server: first, engine: "embedded" }),
    "by IPv6": () => awg.config({ server: second, overIpv6: true }),
    "no kill switch": () => awg.config({ server: first, killSwitch: false }),
  };
}

/** Applies `count` configurations in turn and looks at the machine after each. */
export async function applyOver(
  awg: AwgInWorld,
  judged: JudgedWorld,
  wishes: Wishes,
  count: number,
): Promise<readonly Applied[]> {
  const applied: Applied[] = [];
  const names = Object.keys(wishes);
  for (let nth = 0; nth < count; nth += 1) {
    const wish = names[nth % names.length] ?? "";
    const config = wishes[wish]?.(nth) ?? "";
    const beforeMs = childrenCpuMs();
    await awg.apply(config);
    const cpuMs = childrenCpuMs() - beforeMs;
    applied.push({ wish, cpuMs, machine: await settledMachine(judged.world), ...files(awg), ...(await keeperOf(awg)) });
  }
  return applied;
}

/** What the same configuration must leave again. Of a newcomer's names and numbers only how many lines there are. */
export function shapeOf({ wish, machine, state, running }: Applied): object {
  const lines = Object.entries(machine).map(([part, text]) => [part, text.split("\n").length]);
  return { wish, machine: wish === "newcomer" ? lines : machine, state, running };
}

function files(awg: AwgInWorld): Pick<Applied, "state" | "generations" | "secrets" | "running" | "logs"> {
  const names = readdirSync(awg.stateDir, { recursive: true, encoding: "utf8" }).toSorted();
  const isGeneration = (name: string): boolean => /^generation-\d+$/.test(name);
  const isLog = (name: string): boolean => /\/engine-[^/]+\.log$/.test(name);
  // A policy's file is named by its hash, in which a newcomer's name is.
  const running = readdirSync(awg.runDir, { recursive: true, encoding: "utf8" })
    .map((name) => name.replace(/policy-[0-9a-f]+/, "policy"))
    .toSorted();
  const isSecret = (name: string): boolean => /^secrets\/./.test(name);
  // Stays from the first engine of our own on: what comes after must not tell peers an older time.
  const isClock = (name: string): boolean => /\/latest-clock$/.test(name);
  return {
    state: names.filter((name) => !(isGeneration(name) || isSecret(name))),
    generations: names.filter(isGeneration).length,
    secrets: names.filter(isSecret).length,
    running: running.filter((name) => !(isLog(name) || isClock(name))),
    logs: running.filter(isLog).length,
  };
}

async function keeperOf(awg: AwgInWorld): Promise<Pick<Applied, "descriptors" | "residentKib">> {
  const processes = await awg.processes();
  const [keeper, ...more] = processes.filter(({ command }) => / keeper /.test(command));
  if (keeper === undefined || more.length > 0)
    throw new Error(`there are ${processes.length} processes, not one keeper`);
  const status = readFileSync(`/proc/${keeper.pid}/status`, "utf8");
  return {
    descriptors: readdirSync(`/proc/${keeper.pid}/fd`).length,
    residentKib: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]),
  };
}

/** Processor time of all children that this process has waited for: proc(5), fields 16 and 17 of stat, 10 ms each. */
function childrenCpuMs(): number {
  const [, after = ""] = readFileSync("/proc/self/stat", "utf8").split(") ");
  const [user, system] = after.split(" ").slice(13, 15).map(Number);
  return 10 * ((user ?? 0) + (system ?? 0));
}

/** The configuration in the file with one more tunnel, into the same server, of a name of its own. */
function withNewcomer(awg: AwgInWorld, path: string, nth: number): string {
  const text = readFileSync(path, "utf8");
  const block = new RegExp(`^  ${awg.tunnel}:\\n(?:    .*\\n)+`, "m").exec(text)?.[0] ?? "";
  const more = block
    .replace(awg.tunnel, newcomerOf(nth))
    .replace(/addresses: .*/, "addresses: [10.77.0.2/32]")
    .replace(/allowedIPs: .*/, "allowedIPs: [10.77.0.0/16]");
  const rules = `rules: [{ destinations: [10.77.0.0/16], via: ${newcomerOf(nth)} }]\n`;
  const file = join(path, "..", `newcomer-${nth}.yaml`);
  writeFileSync(file, text.replace(block, block + more) + rules);
  return file;
}

/** Sockets of engines bear their tunnels' names, in a folder that the whole machine shares. */
function newcomerOf(nth: number): string {
  return `n${nth}x${process.pid.toString(36)}`;
}
