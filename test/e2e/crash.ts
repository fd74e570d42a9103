import { tryRun } from "../lab/world/command.ts";
import type { AwgInWorld } from "./awg-in-world.ts";

/** System calls by which an apply changes something or remembers that it does. */
export const crashCalls = ["sendto", "sendmsg", "fsync", "rename", "openat", "unlink", "write"] as const;

/**
 * Runs `awg apply` and kills it at the n-th call of that system call, counted per thread. Gives false when it ended
 * before: then there are no more places to try.
 */
export async function applyKilledAt(awg: AwgInWorld, config: string, call: string, n: number): Promise<boolean> {
  const inject = `inject=${call}:signal=KILL:when=${n}`;
  const argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
  const done = await tryRun([...argv, ...awg.argv("apply", "-f", config, "--auto-approve")], "", 120_000);
  return done.status !== 0;
}
