import { existsSync, readFileSync } from "node:fs";
import type { EngineUser } from "../../model/keeper-protocol.ts";
import { SERVICE_USER } from "../../model/ownership.ts";

const ROOT_USER: EngineUser = { uid: 0, gid: 0 };
const SETPRIV_PATHS = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Uids by name as /etc/passwd has them; names that are not wanted are left out. Network directories are not asked. */
export function readUids(names: readonly string[]): Readonly<Record<string, number>> {
  const wanted = new Set(names);
  const found: Record<string, number> = {};
  for (const [name, user] of readUsers()) if (wanted.has(name)) found[name] = user.uid;
  return found;
}

/**
 * The user whose uid engines' sockets bear: `awg` where it exists, can be worn in this user namespace and setpriv is
 * there to hand it over; root otherwise, and then the firewall's exception for endpoints is open to all of root.
 */
export function readServiceUser(): EngineUser {
  const user = readUsers().find(([name]) => name === SERVICE_USER)?.[1];
  const canChange = SETPRIV_PATHS.some((path) => existsSync(path));
  return user !== undefined && canChange && isMapped(user.uid) ? user : ROOT_USER;
}

function readUsers(): (readonly [string, EngineUser])[] {
  return readText("/etc/passwd")
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 4 && /^[0-9]+$/.test(fields[2] ?? "") && /^[0-9]+$/.test(fields[3] ?? ""))
    .map(([name = "", , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }] as const);
}

/** Each line of uid_map: first uid inside, first outside, count (user_namespaces(7)). */
function isMapped(uid: number): boolean {
  return readText("/proc/self/uid_map")
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([inside = -1, , count = 0]) => uid >= inside && uid < inside + count);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
