import { readFileSync } from "node:fs";
import { AwgError } from "../../../model/error.ts";
import type { ResolverObstacle } from "../../ports/resolver.ts";

/**
 * A network namespace shares the machine's files: unless something is mounted over resolv.conf (or over /etc), writing
 * it would change the resolver of everybody. What stands against it, in words.
 */
export function sharedFileObstacle(path: string): ResolverObstacle | undefined {
  if (isPrivateFile(path, readFileSync("/proc/self/mountinfo", "utf8"))) return undefined;
  return {
    what: `${path} in this network namespace is the whole machine's, so awg does not write it`,
    remedy: "make /etc/netns/NAME/resolv.conf for the namespace, and name the namespace with --netns",
  };
}

/** AwgError("conflict") when the file is the machine's. */
export function refuseSharedFile(path: string): void {
  const obstacle = sharedFileObstacle(path);
  if (obstacle !== undefined) throw new AwgError("conflict", obstacle.what, { remedy: obstacle.remedy });
}

/** Whether a mount, told by the text of /proc/PID/mountinfo (proc(5)), covers the file or its folder. */
export function isPrivateFile(path: string, mountinfo: string): boolean {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const points = mountPoints(mountinfo);
  return points.includes(path) || points.includes(folder);
}

/** Whether something is mounted over this very file. Its folder is then everybody's, and the file cannot be replaced. */
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

/** Blanks and the like are written as three octal digits. */
function unescapeMountPoint(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
