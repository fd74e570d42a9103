import { expect } from "vitest";
import type { Session } from "../../../lab/judge/session.ts";
import { tryRun } from "../../../lab/world/command.ts";
import { place } from "../../../lab/world/place.ts";
import type { World } from "../../../lab/world/world.ts";
import type { AwgInWorld } from "../../awg-in-world.ts";
import { machineText } from "../../machine-text.ts";
import { callsOf, killedAt } from "./killed-at.ts";

/** System calls by which a verb remembers what it does; it makes no sendmsg, and no ioctl but isatty's. */
export const stateCalls = [
  "sendto",
  "fsync",
  "rename",
  "unlink",
  "write",
  "openat",
  "ftruncate",
  "pwrite64",
  "fchmod",
] as const;
/** By these an apply changes something, too: of whom /etc/resolv.conf is, and who may read it. */
export const crashCalls = [...stateCalls, "chown", "chmod"] as const;
/** A first apply makes folders and starts the keeper besides. */
export const firstCrashCalls = [...crashCalls, "mkdir", "clone"] as const;

/** Verbs with the calls that they do not make. */
const unmade: Readonly<Record<string, readonly string[]>> = {
  destroy: ["fchmod"],
  revert: ["fchmod"],
  confirm: ["fchmod"],
};

/** Files of awg's own; what is opened before the first of them is Node's and the program's text. */
const ownFile = /\/run\/awg|\/state\b|\/var\/run\/wireguard/;

/**
 * Runs `awg apply` and kills it at the n-th call of that system call, counted per thread. Gives false when it ended
 * before: then there are no more places to try.
 */
export async function applyKilledAt(awg: AwgInWorld, config: string, call: string, n: number): Promise<boolean> {
  return killedAt(awg, awg.argv("apply", "-f", config, "--auto-approve"), [call, n]);
}

/** The same for `awg destroy`. */
export async function destroyKilledAt(awg: AwgInWorld, call: string, n: number): Promise<boolean> {
  return killedAt(awg, awg.argv("destroy", "--auto-approve"), [call, n]);
}

/** The same for `awg rollback` to a generation. */
export async function rollbackKilledAt(awg: AwgInWorld, generation: number, call: string, n: number): Promise<boolean> {
  return killedAt(awg, awg.argv("rollback", String(generation), "--auto-approve"), [call, n]);
}

/** The same for `awg revert` and `awg confirm`. */
export async function verdictKilledAt(
  awg: AwgInWorld,
  verb: "revert" | "confirm",
  call: string,
  n: number,
): Promise<boolean> {
  return killedAt(awg, awg.argv(verb), [call, n]);
}

/** The number of the generation before the one that holds. */
export async function generationBefore(awg: AwgInWorld): Promise<number> {
  const { generations } = JSON.parse(await awg.must("history", "--json")) as {
    generations: readonly { readonly number: number; readonly holds: boolean }[];
  };
  const before = generations[generations.findIndex(({ holds }) => holds) - 1];
  if (before === undefined) throw new Error("there is no generation before the one that holds");
  return before.number;
}

/** As `applyKilledAt`, for an apply that starts the keeper: strace lets go of children when they become another program. */
export async function firstApplyKilledAt(awg: AwgInWorld, config: string, call: string, n: number): Promise<boolean> {
  const { within, command } = inside(awg, "apply", "-f", config, "--auto-approve");
  return killedAt(awg, ["--detach-on=execve", ...command], [call, n], within);
}

/** The first place worth a kill of `firstApplyKilledAt`, found while the configuration stands. */
export async function firstPlaceOfFirstApply(call: string, awg: AwgInWorld, config: string): Promise<number> {
  const { within, command } = inside(awg, "diff", "-f", config);
  return firstPlaceOf(call, awg, command, within);
}

/** A command in the client's namespace, apart from what leads there. */
function inside(awg: AwgInWorld, ...args: readonly string[]) {
  const [ip = "", netns = "", exec = "", namespace = "", ...command] = awg.argvInside(...args);
  return { within: [ip, netns, exec, namespace], command };
}

/**
 * The first place worth a kill: 1, but of `openat` the first that names a file of awg's. Finds it by running the command
 * once, to its end: one that changes nothing, and opens no more before that file than the verb to be killed.
 *
 * @param within what runs strace
 */
export async function firstPlaceOf(
  call: string,
  awg: AwgInWorld,
  argv: readonly string[],
  within: readonly string[] = [],
): Promise<number> {
  if (call !== "openat") return 1;
  const [first] = await placesOf(call, awg, argv, within);
  if (first === undefined) throw new Error("the program opened no file");
  return first;
}

/** The first and the last place worth a kill, found in the same way; [] where the command makes no such call. */
export async function placesOf(
  call: string,
  awg: AwgInWorld,
  argv: readonly string[],
  within: readonly string[] = [],
): Promise<readonly [first: number, last: number] | readonly []> {
  const threads = [...(await callsOf(awg, argv, call, within)).values()];
  if (threads.length === 0) return [];
  const own = threads.map((lines) => lines.findIndex((line) => ownFile.test(line)) + 1).find((n) => n > 0);
  if (call === "openat" && own === undefined) throw new Error("the program opened no file of its own");
  return [call === "openat" ? (own ?? 1) : 1, Math.max(...threads.map(({ length }) => length))];
}

/**
 * Judges from now on, with a round of probes, unless the packet filter is as it was without awg: then the machine is open and
 * may be. Gives whether it is.
 */
export async function judgeWhatStands(
  session: Session,
  world: World,
  before: Record<string, string>,
): Promise<"open" | "judged"> {
  if ((await machineText(world))["nft"] === before["nft"]) return "open";
  await session.resumeJudging();
  await session.rounds(1);
  return "judged";
}

/** Says at how many places of a call a verb was killed, which is at least one, and none of a call that it does not make. */
export function expectKilled(verb: string, call: string, places: number): void {
  const isMade = makesCall(verb, call);
  expect(places > 0, `${verb} killed at ${places} places of ${call}`).toBe(isMade);
  console.log(`${verb}, ${call}: ${isMade ? `killed at ${places} places` : "makes no such call"}`);
}

/** Whether a verb makes that call at all. */
export function makesCall(verb: string, call: string): boolean {
  return unmade[verb]?.includes(call) !== true;
}

/** Whether the client reaches the echo by its physical link, past any tunnel. */
export async function reachesInClear(world: World): Promise<boolean> {
  const ping = ["ping", "-n", "-c", "1", "-W", "1", "-I", place.device, place.v4.echo];
  return (await tryRun(["ip", "netns", "exec", world.namespace("client"), ...ping])).status === 0;
}
