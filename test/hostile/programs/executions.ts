import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { runIn, type TestNamespace } from "../../support/netns.ts";

/** A program that was started: its path and the argument vector as strace prints it. */
export interface Execution {
  readonly path: string;
  readonly argv: string;
}

const LIMIT_MS = 100_000;
const STEP_MS = 20;

/**
 * Runs a program in a namespace and has strace write to a file what it and everything it starts execute, also what outlives
 * it; that goes on until the last of them is gone.
 * @returns the exit status of the program itself
 */
export async function runTraced(space: TestNamespace, file: string, argv: readonly string[]): Promise<number> {
  const strace = ["strace", "-f", "-q", "-s", "65536", "-e", "trace=execve,execveat", "-e", "signal=none", "-o", file];
  const child = spawn("ip", ["netns", "exec", space.name, ...strace, ...argv], { stdio: "ignore" });
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const status = exitStatusIn(file);
    if (status !== undefined) return status;
    if (child.exitCode !== null && exitStatusIn(file) === undefined) throw new Error("strace traced nothing");
    if (Date.now() > end) throw new Error(`${argv.join(" ")} did not end`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

/** Everything that was executed, in order. */
export function executionsIn(file: string): readonly Execution[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, path, argv] = /^\d+ +execve(?:at)?\((?:\w+, )?"((?:[^"\\]|\\.)*)", \[(.*?)\],? /.exec(line) ?? [];
      return path === undefined || argv === undefined ? [] : [{ path, argv }];
    });
}

/** Ends all that still runs in a namespace. */
export function endAllIn(space: TestNamespace): void {
  for (const pid of runIn(space.name, ["ip", "netns", "pids", space.name]).stdout.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** Of the first process in the trace, which is the program itself. */
function exitStatusIn(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const [pid] = text.split(" ", 1);
  const [, status] = new RegExp(`^${pid} +\\+\\+\\+ exited with (\\d+) \\+\\+\\+$`, "m").exec(text) ?? [];
  return status === undefined ? undefined : Number(status);
}
