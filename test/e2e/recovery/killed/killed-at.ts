import { existsSync, readFileSync, rmSync } from "node:fs";
import { tryRun } from "../../../lab/world/command.ts";
import type { AwgInWorld } from "../../awg-in-world.ts";

/** A system call by name, and which of them, counted per thread from 1. */
export type Place = readonly [call: string, n: number];

const limitMs = 120_000;

/**
 * Runs a command of awg's and kills it at that place. False where it ended well before: its trace then shows its end and
 * fewer such calls, so that no place is passed over unseen, and a call that never occurs is told from one that was not looked
 * for. Anything else is an error.
 *
 * @param argv may begin with options of strace's
 * @param within what runs strace
 */
export async function killedAt(
  awg: AwgInWorld,
  argv: readonly string[],
  [call, n]: Place,
  within: readonly string[] = [],
): Promise<boolean> {
  const inject = `inject=${call}:signal=KILL:when=${n}`;
  const { status, stderr, trace } = await traced(awg, call, ["-e", inject, ...argv], within);
  if (status !== 0 && trace.includes("+++ killed by SIGKILL +++")) return true;
  const seen = Math.max(0, ...[...byThread(trace, call).values()].map(({ length }) => length));
  if (status === 0 && trace.includes(" exit_group(") && seen < n) return false;
  throw new Error(`not killed at ${call} ${n}, after ${seen} of them, with exit code ${status}: ${stderr}`);
}

/** The calls of that name, thread by thread, of a command of awg's that runs to its end. */
export async function callsOf(
  awg: AwgInWorld,
  argv: readonly string[],
  call: string,
  within: readonly string[] = [],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { status, stderr, trace } = await traced(awg, call, argv, within);
  if (status !== 0 || !trace.includes(" exit_group(")) throw new Error(`exited with ${status}: ${stderr}`);
  return byThread(trace, call);
}

async function traced(
  awg: AwgInWorld,
  call: string,
  argv: readonly string[],
  within: readonly string[] = [],
): Promise<{ readonly status: number; readonly stderr: string; readonly trace: string }> {
  const file = `${awg.stateDir}.trace`;
  rmSync(file, { force: true });
  const strace = ["strace", "-f", "-qq", "-o", file, "-e", `trace=${call},exit_group`];
  const { status, stderr } = await tryRun([...within, ...strace, ...argv], "", limitMs);
  return { status, stderr, trace: existsSync(file) ? readFileSync(file, "utf8") : "" };
}

/** A call that another thread's line cuts in two is one: its end does not begin with its name. */
function byThread(trace: string, call: string): ReadonlyMap<string, readonly string[]> {
  const lines = trace.split("\n").filter((line) => line.replace(/^\d+ +/, "").startsWith(`${call}(`));
  return Map.groupBy(lines, (line) => line.split(" ", 1)[0] ?? "");
}
