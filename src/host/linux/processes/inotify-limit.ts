import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { parseEffectiveUid } from "./proc-text.ts";

/** How many inotify instances one user may have at once, and has. */
export interface InotifyUsage {
  readonly uid: number;
  /** fs.inotify.max_user_instances. */
  readonly limit: number;
  readonly used: number;
}

const INSTANCE = "anon_inode:inotify";

/**
 * The room of a user for inotify instances, of which wireguard-go and amneziawg-go take one each for their socket (inotify(7)).
 * The kernel tells the limit, and not what is used of it: all descriptors of all processes are read. undefined where there is
 * no limit.
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

/** A child has its parent's instances until it starts another program: the same number with the same watches is the same. */
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

/** A process that ends meanwhile, or may not be looked at, has none. */
function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
