import { existsSync, readFileSync } from "node:fs";
import { AwgError, messageOf } from "../../model/error.ts";
import { LAST_UID } from "../../model/firewall/packet.ts";
import type { PortRange } from "../../model/firewall/policy.ts";
import type { EngineUser } from "../../model/keeper-protocol.ts";
import { SERVICE_USER } from "../../model/ownership.ts";
import { outOfOpenFiles } from "../../model/write-error.ts";
import type { ServiceUserLack } from "../ports/environment.ts";
import type { HostFacts } from "../ports/facts.ts";

const ROOT_USER: EngineUser = { uid: 0, gid: 0 };
/** Lines of this length are refused by shadow (subordinate_parse, rangebuf). */
const LONGEST_LINE = 1024;
const SETPRIV_PATHS = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Uids by name from /etc/passwd, for these names only. Network directories are not queried. */
export function readUids(names: readonly string[]): Readonly<Record<string, number>> {
  const users = readUsers();
  return Object.fromEntries(
    names.flatMap((name) => {
      const uid = users.get(name)?.uid;
      return uid === undefined ? [] : [[name, uid] as const];
    }),
  );
}

type Subordinates = Pick<HostFacts, "subordinateUids" | "usersAmongSubordinates">;

/**
 * The uids that /etc/subuid grants to these users of rules, and the users whose own uid lies among them. With
 * newuidmap(1) a program can take a granted uid in a user namespace and send with it. Directories of nsswitch.conf(5)
 * are not queried.
 */
export function readSubordinates(users: readonly string[]): Subordinates {
  if (users.length === 0) return {};
  const passwd = readText("/etc/passwd");
  const subordinateUids = subordinateUidsIn(readText("/etc/subuid"), passwd, users);
  return { subordinateUids, usersAmongSubordinates: usersAmong(subordinateUids, passwd) };
}

/** Users of passwd(5) with one of these as their own uid, by name. Pure. */
export function usersAmong(
  subordinateUids: Readonly<Record<string, readonly PortRange[]>>,
  passwd: string,
): Readonly<Record<string, number>> {
  const ranges = Object.values(subordinateUids).flat();
  const isAmong = (uid: number) => ranges.some(({ from, to }) => from <= uid && uid <= to);
  return Object.fromEntries([...usersIn(passwd)].flatMap(([name, { uid }]) => (isAmong(uid) ? [[name, uid]] : [])));
}

/**
 * The uids that subuid(5) grants to users of passwd(5), read exactly as newuidmap reads them. A missing range would
 * bypass a rule; an extra one belongs to another user. A line's owner is any name of the uid, or the uid in decimal
 * (shadow 4.13, lib/subordinateio.c, find_range). A uid without a local name is matched in decimal only. Pure.
 */
export function subordinateUidsIn(
  subuid: string,
  passwd: string,
  users: readonly string[],
): Readonly<Record<string, readonly PortRange[]>> {
  const known = usersIn(passwd);
  const granted = subuid.split("\n").flatMap(readGrant);
  const rangesOf = (user: string) => {
    const uid = /^[0-9]{1,10}$/.test(user) ? Number(user) : known.get(user)?.uid;
    if (uid === undefined) return [];
    const isTheirs = (owner: string) => owner === `${uid}` || known.get(owner)?.uid === uid;
    return granted.flatMap(({ owner, range }) => (isTheirs(owner) ? [range] : []));
  };
  return Object.fromEntries(
    users.map((user) => [user, rangesOf(user)] as const).filter(([, found]) => found.length > 0),
  );
}

/**
 * Parses a line as subordinate_parse of shadow does: three fields, anything after them; the end of the range in 64
 * bits.
 */
function readGrant(line: string): { readonly owner: string; readonly range: PortRange }[] {
  const [owner = "", from = "", many = ""] = line.split(":");
  const [start, count] = [readUnsigned(from), readUnsigned(many)];
  // Such names are not looked up in NIS (name_is_nis of lib/commonio.c).
  if (owner === "" || /^[+-]/.test(owner) || Buffer.byteLength(line) >= LONGEST_LINE) return [];
  if (start === undefined || count === undefined || start > LAST_UID) return [];
  const last = BigInt.asUintN(64, start + count - 1n);
  if (last < start) return [];
  return [{ owner, range: { from: Number(start), to: Math.min(Number(last), LAST_UID) } }];
}

/** As strtoul(3) with base 0 in the C locale, where it uses the whole text and fits 64 bits; undefined otherwise. */
function readUnsigned(text: string): bigint | undefined {
  const [, sign, digits = ""] = /^[ \t\v\f\r\n]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text) ?? [];
  if (digits === "") return undefined;
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits}` : digits);
  if (value !== BigInt.asUintN(64, value)) return undefined;
  return sign === "-" ? BigInt.asUintN(64, -value) : value;
}

/**
 * The user of the engines' sockets: `awg` if it exists, is mapped in this user namespace, and setpriv is installed.
 * Otherwise root, and then the firewall's exception for endpoints applies to every root process.
 */
export function readServiceUser(): EngineUser {
  return lackForServiceUser() === undefined ? (readUsers().get(SERVICE_USER) ?? ROOT_USER) : ROOT_USER;
}

/** What keeps the engines' sockets from that user; undefined if nothing does. */
export function lackForServiceUser(): ServiceUserLack | undefined {
  const user = readUsers().get(SERVICE_USER);
  if (user === undefined) return "user";
  if (!SETPRIV_PATHS.some((path) => existsSync(path))) return "setpriv";
  return isMapped(user.uid) ? undefined : "mapping";
}

/** Gids by name from /etc/group, for these names only. */
export function readGids(names: readonly string[]): readonly number[] {
  const lines = readText("/etc/group").split("\n");
  const found = lines
    .map((line) => line.split(":"))
    .filter(([name = "", , gid = ""]) => names.includes(name) && isId(gid));
  return found.map(([, , gid]) => Number(gid));
}

function readUsers(): ReadonlyMap<string, EngineUser> {
  return usersIn(readText("/etc/passwd"));
}

/**
 * Users as getpwnam(3) finds them: the first line of a name counts; comments and NIS entries are skipped (glibc,
 * nss/nss_files).
 */
function usersIn(passwd: string): ReadonlyMap<string, EngineUser> {
  const users = passwd
    .split("\n")
    .map((line) => line.trimStart().split(":"))
    .filter(([name = "", , uid = "", gid = ""]) => /^[^#+-]/.test(name) && isId(uid) && isId(gid))
    .map(([name = "", , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }] as const);
  return new Map(users.toReversed());
}

function isId(field: string): boolean {
  return /^\s*[0-9]+$/.test(field);
}

/** Each line of uid_map: first uid inside, first outside, count (user_namespaces(7)). */
function isMapped(uid: number): boolean {
  return readText("/proc/self/uid_map")
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([inside = -1, , count = 0]) => uid >= inside && uid < inside + count);
}

/**
 * Empty where there is no such file. Any other failure throws: a rule would lack its users, and the engine its own.
 */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw (
      outOfOpenFiles(path, cause) ?? new AwgError("host", `${path} could not be read: ${messageOf(cause)}`, { cause })
    );
  }
}
