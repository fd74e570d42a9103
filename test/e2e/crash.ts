import { tryRun } from "../lab/world/command.ts";
import type { AwgInWorld } from "./awg-in-world.ts";

/** System calls by which an apply changes something or remembers that it does. */
export const crashCalls = ["sendto", "sendmsg", "fsync", "rename", "openat", "unlink", "write"] as const;

const limitMs = 120_000;

/**
 * Runs `awg apply` and kills it at the n-th call of that system call, counted per thread. Gives false when it ended
 * before: then there are no more places to try.
 */
export async function applyKilledAt(awg: AwgInWorld, config: string, call: string, n: number): Promise<boolean> {
  const argv = [...strace(call, n), ...awg.argv("apply", "-f", config, "--auto-approve")];
  return (await tryRun(argv, "", limitMs)).status !== 0;
}

/** As `applyKilledAt`, for an apply that starts the keeper: strace lets go of children when they become another program. */
export async function firstApplyKilledAt(awg: AwgInWorld, config: string, call: string, n: number): Promise<boolean> {
  const [ip = "", netns = "", exec = "", namespace = "", ...command] = awg.argvInside(
    "apply",
    "-f",
    config,
    "--auto-approve",
  );
  const argv = [ip, netns, exec, namespace, ...strace(call, n), "--detach-on=execve", ...command];
  return (await tryRun(argv, "", limitMs)).status !== 0;
}

function strace(call: string, n: number): string[] {
  const inject = `inject=${call}:signal=KILL:when=${n}`;
  return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
}
