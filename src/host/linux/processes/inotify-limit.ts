import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { InotifyUsage } from "../../ports/environment.ts";
import { parseEffectiveUid } from "./proc-text.ts";

const INSTANCE = "anon_inode:inotify";

/**
 * Counts a user's inotify instances; wireguard-go and amneziawg-go take one each for their socket (inotify(7)). The
 * kernel reports the limit but not the use, so this reads all descriptors of all processes. Undefined where there is no
 * limit.
 */
export function readInotifyUsage(uid: number, proc = "/proc"): InotifyUsage | undefined {
  const limit = orElse(Number.NaN, () => Number(readFileSync(join(proc, "sys/fs/inotify/max_user_instances"), "utf8")));
  if (!Number.isInteger(limit)) return undefined;
  const seen = new Set<string>();
  for (const pid of namesIn(proc)) {
    if (!/^[1-9][0-9]*$/.test(pid) || userOf(join(proc, pid)) !== uid) continue;
    for (const instance of instancesOf(join(proc, pid))) seen.add(instance);
  }
  return { uid, limit, used: seen.size };
}

function userOf(folder: string): number | undefined {
  return parseEffectiveUid(orElse("", () => readFileSync(join(folder, "status"), "utf8")));
}

/**
 * A child shares its parent's instances until it executes another program: the same descriptor number with the same
 * watches counts once.
 */
function instancesOf(folder: string): readonly string[] {
  return namesIn(join(folder, "fd")).flatMap((descriptor) => {
    if (orElse("", () => readlinkSync(join(folder, "fd", descriptor))) !== INSTANCE) return [];
    const watches = orElse("", () => readFileSync(join(folder, "fdinfo", descriptor), "utf8"));
    return [watches.includes("wd:") ? `${descriptor} ${watches}` : `${descriptor} of ${folder}`];
  });
}

function namesIn(folder: string): readonly string[] {
  return orElse([], () => readdirSync(folder));
}

/** A process that ends meanwhile, or may not be inspected, has none. */
function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
