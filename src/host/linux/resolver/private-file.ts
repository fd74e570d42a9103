import { readFileSync } from "node:fs";
import { AwgError } from "../../../model/error.ts";
import type { ResolverObstacle } from "../../ports/resolver.ts";

/**
 * The reason not to write the file, as text. A network namespace shares the host's files: unless something is mounted
 * over resolv.conf or /etc, a write changes the resolver of the whole host.
 */
export function sharedFileObstacle(path: string): ResolverObstacle | undefined {
  if (isPrivateFile(path, readFileSync("/proc/self/mountinfo", "utf8"))) return undefined;
  return {
    what: `${path} in this network namespace belongs to the whole host, so awg does not write it`,
    remedy: "create /etc/netns/NAME/resolv.conf for the namespace, and select it with --netns NAME",
  };
}

/** Throws AwgError("conflict") when the file is the host's. */
export function refuseSharedFile(path: string): void {
  const obstacle = sharedFileObstacle(path);
  if (obstacle !== undefined) throw new AwgError("conflict", obstacle.what, { remedy: obstacle.remedy });
}

/** Whether a mount in the text of /proc/PID/mountinfo (proc(5)) covers the file or its folder. */
export function isPrivateFile(path: string, mountinfo: string): boolean {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const points = mountPoints(mountinfo);
  return points.includes(path) || points.includes(folder);
}

/**
 * Whether something is mounted over this file itself. Then its folder is shared with the host, and the file cannot be
 * replaced.
 */
export function isMountPoint(path: string): boolean {
  try {
    return mountPoints(readFileSync("/proc/self/mountinfo", "utf8")).includes(path);
  } catch {
    return false;
  }
}

function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo.split("\n").map((line) => unescapeMountPoint(line.split(" ")[4] ?? ""));
}

/** Decodes blanks and similar characters, which are written as three octal digits. */
function unescapeMountPoint(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
