import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type Finished, tryRun, waitFor } from "../../../lab/world/command.ts";
import type { World } from "../../../lab/world/world.ts";
import type { AwgInWorld } from "../../awg-in-world.ts";

/** What fault B4 has the kernel answer. */
export const errors = [
  "EPERM",
  "EBUSY",
  "EEXIST",
  "ENOENT",
  "EINTR",
  "EAGAIN",
  "ENOMEM",
  "ENOBUFS",
  "ENOSPC",
  "EMFILE",
  "EROFS",
] as const;

/** A system call that fails without effect: the n-th of the main thread, or from there on so many. */
export interface FailingCall {
  readonly call: string;
  readonly error: string;
  readonly n: number;
  readonly lasting: boolean;
}

const limitMs = 120_000;
/** No kernel interrupts a call for ever, and libuv asks again until it is not. */
const mostInterruptions = 20;
/** What the exit codes leave when a bug (70), a signal and what only other verbs say are taken away. */
const knownEnds = [0, 4, 5, 6, 8, 10, 12, 13, 77];

/** Runs `awg apply` with a failing call of its own; undefined when it ended before it came to that call. */
export async function applyWithFailing(
  awg: AwgInWorld,
  world: World,
  config: string,
  failing: FailingCall,
): Promise<Finished | undefined> {
  const file = join(world.folder, "failing.trace");
  // Others are Node's own: to its wake-up descriptors, at its end to the standard ones, and to the program's text.
  const names = ["journal", "ledger", ".ledger.new", "machine.key", ""].map((name) => join(awg.stateDir, name));
  const files = [...names, "/etc/resolv.conf"].flatMap((path) => ["-P", path]);
  const paths = ["write", "fsync", "openat"].includes(failing.call) ? files : [];
  const argv = traced(awg, [...injection(failing), ...paths], file, "apply", "-f", config, "--auto-approve");
  const done = await tryRun(argv, "", limitMs);
  return wasInjected(file) ? done : undefined;
}

/** strace inside of the namespace on the very process that acts, and on nothing that it starts. */
function traced(awg: AwgInWorld, options: readonly string[], file: string, ...verb: string[]): string[] {
  const [ip = "", netns = "", exec = "", namespace = "", ...command] = awg.argvInside(...verb);
  return [ip, netns, exec, namespace, "strace", "-qq", "-o", file, ...options, ...command];
}

/** Runs `awg apply` while a call of its keeper fails; undefined when the keeper made no such call. */
export async function applyWithFailingKeeper(
  awg: AwgInWorld,
  world: World,
  config: string,
  failing: FailingCall,
): Promise<Finished | undefined> {
  const keeper = (await awg.processes()).find(({ command }) => command.includes(" keeper "));
  if (keeper === undefined) throw new Error("there is no keeper");
  const file = join(world.folder, "failing-keeper.trace");
  const tracer = spawn("strace", ["-qq", "-o", file, ...injection(failing), "-p", String(keeper.pid)], {
    stdio: "ignore",
  });
  const ended = once(tracer, "exit");
  try {
    await waitFor("strace on the keeper", () => isTraced(keeper.pid));
    const done = await awg.run("apply", "-f", config, "--auto-approve");
    tracer.kill("SIGINT");
    await ended;
    return wasInjected(file) ? done : undefined;
  } finally {
    if (tracer.exitCode === null) tracer.kill("SIGKILL");
  }
}

/** B4: it ended as a program does, says in a sentence what failed, and did not pretend. */
export function expectGoodEnd({ status, stderr, stdout }: Finished, where: string, things: RegExp): void {
  const reported = `${where}: exit ${status}: ${stderr}${stdout}`;
  expect(knownEnds, reported).toContain(status);
  expect(stderr, reported).not.toMatch(/^\s+at |TypeError|ReferenceError|RangeError|internal error/m);
  if (status !== 0) expect(stderr, reported).toMatch(things);
}

/**
 * Law 5: whether the machine is by the first of the two configurations, by the second, or by neither. Only who says that
 * the way back failed too (5) may leave neither.
 */
export async function expectOldOrNewOrTold(
  awg: AwgInWorld,
  { status }: Finished,
  [before, after]: readonly [string, string],
  where: string,
): Promise<"old" | "new" | "neither"> {
  const isNew = (await awg.run("diff", "-f", after)).status === 0;
  if (status === 0) expect(isNew, `${where}: it says that it was applied`).toBe(true);
  if (isNew) return "new";
  const isOld = (await awg.run("diff", "-f", before)).status === 0;
  if (status !== 5) expect(isOld, `${where}: exit ${status}, and neither the old nor the new state`).toBe(true);
  return isOld ? "old" : "neither";
}

/** What an error may name: an errno, or the file, device, tunnel or table that it was about. */
export function things({ device, tunnel, stateDir }: AwgInWorld): RegExp {
  return new RegExp(
    `\\bE[A-Z]{3,}\\b|${device}|${tunnel}|${stateDir}|/run/awg|nf_tables|keeper|the kernel did not answer`,
  );
}

/** What the keeper holds; its descriptors and memory must not grow by requests that fail. */
export async function keeperFigures(
  awg: AwgInWorld,
): Promise<{ pid: number; descriptors: number; residentKib: number }> {
  const { pid = 0 } = (await awg.processes()).find(({ command }) => command.includes(" keeper ")) ?? {};
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    pid,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    residentKib: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]),
  };
}

function injection({ call, error, n, lasting }: FailingCall): string[] {
  const last = error === "EINTR" ? `..${n + mostInterruptions}` : "+";
  return ["-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${n}${lasting ? last : ""}`];
}

function wasInjected(file: string): boolean {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  rmSync(file, { force: true });
  return text.includes("(INJECTED)");
}

function isTraced(pid: number): boolean {
  return /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
