import { AwgError } from "../../model/error.ts";
import { isClaim, type Plan, stepsOf } from "../../model/plan.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import { counted } from "../../model/text/counted.ts";
import type { HostParts } from "../parts.ts";

/** Left to others where a limit is raised. */
const SPARE = 64;

/** The tunnels without a running engine. */
export function tunnelsToStart(plan: Plan): readonly TunnelSpec[] {
  return stepsOf(plan).flatMap((step) =>
    step.kind === "tunnel" && step.action === "create" && step.after !== null && !isClaim(step) ? [step.after] : [],
  );
}

/**
 * Refuses a plan that starts more engine programs than the kernel's limit allows: the last of them would end at once,
 * and the apply would roll back.
 *
 * @throws AwgError unsupported; nothing was changed
 */
export async function refuseWithoutRoom({ inotifyUsage }: Pick<HostParts, "inotifyUsage">, plan: Plan): Promise<void> {
  const starting = tunnelsToStart(plan).filter(({ engine }) => engine === "userspace").length;
  const room = starting === 0 ? undefined : await inotifyUsage?.();
  if (room === undefined || room.used + starting <= room.limit) return;
  const { uid, limit, used } = room;
  throw new AwgError(
    "unsupported",
    `${counted(starting, "engine of another program is", "engines of other programs are")} to start, and each takes an inotify instance: user ${uid} has ${used} of ${limit}`,
    {
      facts: { starting, uid, limit, used },
      remedy: `sysctl fs.inotify.max_user_instances=${roomyLimit(used + starting)}, or engine: embedded, which takes none; nothing was changed`,
    },
  );
}

/** The next power of two with room for others. Pure. */
export function roomyLimit(needed: number): number {
  return 2 ** Math.ceil(Math.log2(needed + SPARE));
}
