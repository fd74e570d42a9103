import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { KeeperClient } from "../../../src/host/linux/keeper-client.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";

/**
 * Where a process is killed while a policy replaces another. `keeper`: at its n-th call of a kind; `moment`: the keeper, at a
 * share of the time that a load takes; `client`: whoever hands the transaction over, at its n-th call of a kind.
 */
export type Kill =
  | { readonly victim: "keeper"; readonly call: string; readonly n: number }
  | { readonly victim: "client"; readonly call: string; readonly n: number }
  | { readonly victim: "moment"; readonly share: number };

export interface Loading {
  readonly runDir: string;
  readonly keeperCommand: readonly string[];
  readonly policies: readonly [FirewallPolicy, FirewallPolicy];
  readonly kills?: readonly Kill[];
}

/** What became of the kills: how many really ended a process, and which ruleset stood afterwards. */
export interface Outcomes {
  readonly deaths: number;
  readonly old: number;
  readonly new: number;
  /** Kills after which the ruleset was neither. */
  readonly other: readonly string[];
  /** Error of the load that ends the series, "" when it went well and the kernel holds that policy. */
  readonly after: string;
}

/** A set as `nft -j` prints it. */
interface NamedSet {
  readonly name: string;
  readonly flags?: readonly string[];
}

const LIMIT_MS = 60_000;
const NFT = "nft";
/** The number of the load, in the name of a set of ranges and where a rule names it. */
const SET_NUMBER = /("name":\s*\\*"[\w-]+|@[\w-]+)\.\d+(?=\\*")/g;
const SCRIPT = fileURLToPath(new URL("./load-through-keeper.script.ts", import.meta.url));

/** Swaps the two policies once for each kill; whatever stands then is what the next one replaces. */
export async function performKills(
  loading: Loading,
  keeper: KeeperClient,
  load: (index: 0 | 1) => Promise<string>,
): Promise<Outcomes> {
  const texts: string[] = [];
  let tookMs = 0;
  for (const index of [1, 0] as const) {
    const begin = performance.now();
    const error = await load(index);
    if (error !== "") throw new Error(error);
    tookMs = performance.now() - begin;
    texts[index] = rulesetText();
  }
  if (texts[0] === texts[1]) throw new Error("the two policies look the same");
  const counts = { deaths: 0, old: 0, new: 0 };
  const other: string[] = [];
  let current = 0 as 0 | 1;
  for (const kill of loading.kills ?? []) {
    const wanted: 0 | 1 = current === 0 ? 1 : 0;
    const pid = await pidOf(keeper);
    if (await killed(kill, pid, loading, keeper, () => load(wanted), wanted, tookMs)) counts.deaths += 1;
    const found = rulesetText();
    if (found === texts[wanted]) {
      counts.new += 1;
      current = wanted;
    } else if (found === texts[current]) counts.old += 1;
    else {
      const [wasOld, wasNew] = [texts[current], texts[wanted]].map((text = "") => firstDifference(found, text));
      other.push(`${JSON.stringify(kill)}: ${wasOld} is not the old, ${wasNew} not the new`);
    }
  }
  const last = current === 0 ? 1 : 0;
  const error = await load(last);
  const after = error === "" && rulesetText() !== texts[last] ? "the last load left another ruleset" : error;
  return { ...counts, other, after };
}

/** The keeper, started where there is none. The socket of one that was just killed lives until its last thread is gone. */
async function pidOf(keeper: KeeperClient): Promise<number> {
  for (const begin = Date.now(); Date.now() - begin < LIMIT_MS; await sleep(2)) {
    await keeper.ensureRunning();
    const pid = (await keeper.status())?.pid;
    if (pid !== undefined) return pid;
  }
  throw new Error("no keeper answers");
}

/** Has one load disturbed; gives whether anybody died. When it returns no transaction is on its way. */
async function killed(
  kill: Kill,
  pid: number,
  loading: Loading,
  keeper: KeeperClient,
  load: () => Promise<string>,
  wanted: 0 | 1,
  tookMs: number,
): Promise<boolean> {
  if (kill.victim === "client") return clientKilled(kill, loading, wanted, keeper);
  const killer = kill.victim === "keeper" ? await traceUntil(pid, kill) : killAfter(pid, kill.share * tookMs);
  const ended = once(killer, "exit");
  await load();
  if (kill.victim === "keeper" && !isGone(pid)) killer.kill("SIGKILL");
  await ended;
  if (kill.victim === "keeper" && (await keeper.status())?.pid === pid) return false;
  for (const begin = Date.now(); !isGone(pid); await sleep(2))
    if (Date.now() - begin > LIMIT_MS) throw new Error(`the keeper ${pid} did not die`);
  return true;
}

/** strace on the keeper's main thread, which makes all calls to the kernel that matter; resolves when it is attached. */
async function traceUntil(pid: number, { call, n }: { readonly call: string; readonly n: number }) {
  const fault = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${n}`];
  const tracer = spawn("strace", ["-o", "/dev/null", ...fault, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await Promise.race([once(tracer.stderr, "data"), once(tracer, "exit")]);
  if (tracer.exitCode !== null) throw new Error("strace did not attach to the keeper");
  return tracer;
}

/** A process of its own: this one is busy handing the transaction over, without a break. */
function killAfter(pid: number, delayMs: number) {
  const seconds = (delayMs / 1000).toFixed(4);
  return spawn("sh", ["-c", 'sleep "$1"; kill -9 "$2"', "sh", seconds, String(pid)], { stdio: "ignore" });
}

/** The keeper answers in order, so that its answer means that what the dead one asked for is done or was never heard. */
async function clientKilled(
  { call, n }: { readonly call: string; readonly n: number },
  { runDir, keeperCommand, policies }: Loading,
  wanted: 0 | 1,
  keeper: KeeperClient,
): Promise<boolean> {
  const fault = ["-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${n}`];
  const input = JSON.stringify({ runDir, keeperCommand, policies: [policies[wanted]] });
  const { status } = spawnSync("strace", [...fault, process.execPath, SCRIPT], { input, timeout: LIMIT_MS });
  await keeper.status();
  return status !== 0;
}

/** All tables as `nft -j` prints them, one by one: of a whole ruleset nft 1.0.6 may print less than a document. */
function rulesetText(): string {
  const tables = list(["list", "tables"]).split("\n").filter(Boolean);
  const printed = tables.map((table) => JSON.parse(list(["-j", "list", ...table.split(" ")]), withoutChance));
  return JSON.stringify(printed, null, 1).replaceAll(SET_NUMBER, "$1");
}

function list(words: readonly string[]): string {
  const options = { encoding: "utf8", timeout: LIMIT_MS, maxBuffer: 64 << 20 } as const;
  const { status, stdout, stderr } = spawnSync(NFT, [...words], options);
  if (status !== 0) throw new Error(`nft cannot list the ruleset: ${stderr}`);
  return stdout;
}

/**
 * What differs between two loads of one policy is left out: handles, the order of chains, sets and elements, counters, and
 * a table's flags, which nft 1.0.6 prints wrongly and which tell only whether its owner lives.
 */
function withoutChance(key: string, value: unknown): unknown {
  if (key === "handle" || key === "counter") return undefined;
  if (key === "elem" && Array.isArray(value)) return value.map((one) => JSON.stringify(one)).toSorted();
  if (key === "nftables" && Array.isArray(value)) return settled(value);
  if (key === "table" && typeof value === "object") return { ...value, flags: undefined };
  return value;
}

/**
 * Sorted by kind and name, since a load keeps the chains that it need not change; the rules of a chain keep their order. Sets of
 * ranges that no rule uses are left out: a load fills its sets before it changes the rules.
 */
function settled(objects: readonly object[]): unknown[] {
  const rules = objects.filter((object) => "rule" in object);
  const text = JSON.stringify(rules);
  const sets = objects.flatMap((object) => ("set" in object ? [object.set as NamedSet] : []));
  const used = sets.filter(({ name, flags = [] }) => !flags.includes("interval") || text.includes(`"@${name}"`));
  const others = objects.filter((object) => !("set" in object || "rule" in object));
  const chainOf = (one: object) => ("rule" in one ? (one.rule as { readonly chain: string }).chain : "");
  return [
    ...others.map((one) => JSON.stringify(one, withoutChance)).toSorted(),
    ...rules.toSorted((a, b) => (chainOf(a) < chainOf(b) ? -1 : Number(chainOf(a) !== chainOf(b)))),
    ...used.map((set) => JSON.stringify({ set }, withoutChance).replaceAll(SET_NUMBER, "$1")).toSorted(),
  ];
}

/** The first line that two texts do not share. */
function firstDifference(text: string, expected: string): string {
  const lines = expected.split("\n");
  return text.split("\n").find((line, index) => line !== lines[index]) ?? "it ends early";
}

/** A zombie is gone: it holds nothing any more. */
function isGone(pid: number): boolean {
  try {
    return /^\S+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}
