import { statSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "../../../native/linux/readable-files.ts";

/** Where network namespaces without a process have names: ip-netns(8), Docker. */
const NAMED = ["/run/netns", "/run/docker/netns"] as const;

/** The inode of the first process namespace (PROC_PID_INIT_INO of linux/proc_ns.h). */
const INITIAL_PIDS = String(0xefff_fffc);

/** The inodes of the network namespaces that a process or a name keeps, as far as they may be read. */
export function liveNamespaces(): ReadonlySet<string> {
  const processes = namesIn("/proc").filter((name) => /^[0-9]+$/.test(name));
  const files = [
    ...processes.map((pid) => `/proc/${pid}/ns/net`),
    ...NAMED.flatMap((folder) => namesIn(folder).map((name) => join(folder, name))),
  ];
  return new Set(files.flatMap(inodeOf));
}

/** The same if every process of the host is visible here: undefined in a container, where others are hidden. */
export function allNamespaces(pidNamespace = "/proc/self/ns/pid"): ReadonlySet<string> | undefined {
  return inodeOf(pidNamespace)[0] === INITIAL_PIDS ? liveNamespaces() : undefined;
}

function inodeOf(file: string): string[] {
  try {
    return [String(statSync(file).ino)];
  } catch {
    return [];
  }
}
