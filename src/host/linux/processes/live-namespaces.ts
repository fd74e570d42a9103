import { statSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "../../../native/linux/readable-files.ts";

/** Where network namespaces without a process have names: ip-netns(8), Docker. */
const NAMED = ["/run/netns", "/run/docker/netns"] as const;

/** The inodes of the network namespaces that a process or a name keeps, as far as they may be read. */
export function liveNamespaces(): ReadonlySet<string> {
  const processes = namesIn("/proc").filter((name) => /^[0-9]+$/.test(name));
  const files = [
    ...processes.map((pid) => `/proc/${pid}/ns/net`),
    ...NAMED.flatMap((folder) => namesIn(folder).map((name) => join(folder, name))),
  ];
  return new Set(files.flatMap(inodeOf));
}

function inodeOf(file: string): string[] {
  try {
    return [String(statSync(file).ino)];
  } catch {
    return [];
  }
}
