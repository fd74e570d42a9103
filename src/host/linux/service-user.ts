import { existsSync, readFileSync } from "node:fs";
import type { PortRange } from "../../model/firewall/policy.ts";
import type { EngineUser } from "../../model/keeper-protocol.ts";
import { SERVICE_USER } from "../../model/ownership.ts";

const ROOT_USER: EngineUser = { uid: 0, gid: 0 };
/** 2^32 - 1 is no user (setresuid(2)). */
const LAST_UID = 4_294_967_294;
const SETPRIV_PATHS = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Uids by name as /etc/passwd has them; names that are not wanted are left out. Network directories are not asked. */
export function readUids(names: readonly string[]): Readonly<Record<string, number>> {
  const wanted = new Set(names);
  const found: Record<string, number> = {};
  for (const [name, user] of readUsers()) if (wanted.has(name)) found[name] = user.uid;
  return found;
}

/**
 * What /etc/subuid gives to these users, whom rules name by name or number: with newuidmap(1) a program of theirs takes
 * these numbers in a user namespace, and sends as them. Absent where one has none. Directories of nsswitch.conf(5) are not asked.
 */
export function readSubordinateUids(users: readonly string[]): Readonly<Record<string, readonly PortRange[]>> {
  return users.length === 0 ? {} : subordinateUidsIn(readText("/etc/subuid"), readText("/etc/passwd"), users);
}

/** The same of the texts of both files (subuid(5), passwd(5)); a line that is none is left out. Pure. */
export function subordinateUidsIn(
  subuid: string,
  passwd: string,
  users: readonly string[],
): Readonly<Record<string, readonly PortRange[]>> {
  const known = usersIn(passwd);
  const granted = subuid.split("\n").flatMap((line) => {
    const [, owner = "", start, count] = /^([^:#]+):([0-9]{1,10}):([0-9]{1,10})$/.exec(line) ?? [];
    const range = { from: Number(start), to: Math.min(Number(start) + Number(count) - 1, LAST_UID) };
    return owner === "" || range.to < range.from ? [] : [{ owner, range }];
  });
  const rangesOf = (user: string) => {
    const same = known.find(([name, { uid }]) => name === user || `${uid}` === user);
    const names = same === undefined ? [user] : [same[0], `${same[1].uid}`];
    return granted.flatMap(({ owner, range }) => (names.includes(owner) ? [range] : []));
  };
  return Object.fromEntries(
    users.map((user) => [user, rangesOf(user)] as const).filter(([, found]) => found.length > 0),
  );
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
  return usersIn(readText("/etc/passwd"));
}

function usersIn(passwd: string): (readonly [string, EngineUser])[] {
  return passwd
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
