import { existsSync, readFileSync } from "node:fs";
import { AwgError, messageOf } from "../../model/error.ts";
import { LAST_UID } from "../../model/firewall/packet.ts";
import type { PortRange } from "../../model/firewall/policy.ts";
import type { EngineUser } from "../../model/keeper-protocol.ts";
import { SERVICE_USER } from "../../model/ownership.ts";
import { outOfOpenFiles } from "../../model/write-error.ts";
import type { HostFacts } from "../ports/facts.ts";

const ROOT_USER: EngineUser = { uid: 0, gid: 0 };
/** Bytes of a line that shadow takes no more (subordinate_parse, rangebuf). */
const LONGEST_LINE = 1024;
const SETPRIV_PATHS = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Uids by name as /etc/passwd has them; names that are not wanted are left out. Network directories are not asked. */
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
 * What /etc/subuid gives to these users, whom rules name by name or number, and whose own numbers are among it: with newuidmap(1) a
 * program of theirs takes these numbers in a user namespace, and sends as them. Directories of nsswitch.conf(5) are not asked.
 */
export function readSubordinates(users: readonly string[]): Subordinates {
  if (users.length === 0) return {};
  const passwd = readText("/etc/passwd");
  const subordinateUids = subordinateUidsIn(readText("/etc/subuid"), passwd, users);
  return { subordinateUids, usersAmongSubordinates: usersAmong(subordinateUids, passwd) };
}

/** Users of passwd(5) whose own number is one of these, with it, by name. Pure. */
export function usersAmong(
  subordinateUids: Readonly<Record<string, readonly PortRange[]>>,
  passwd: string,
): Readonly<Record<string, number>> {
  const ranges = Object.values(subordinateUids).flat();
  const isAmong = (uid: number) => ranges.some(({ from, to }) => from <= uid && uid <= to);
  return Object.fromEntries([...usersIn(passwd)].flatMap(([name, { uid }]) => (isAmong(uid) ? [[name, uid]] : [])));
}

/**
 * The numbers that the texts of both files (subuid(5), passwd(5)) give to users, absent where one has none. As newuidmap reads
 * them, no more and no less: what it grants and a rule lacks goes past the rule; what a rule has and it does not grant is
 * somebody else's. The owner of a line is any of the names of the user's uid, or that uid as written in decimal (shadow 4.13,
 * lib/subordinateio.c, find_range). Of a uid without a name here, which a directory may know, only the latter. Pure.
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

/** A line as subordinate_parse of shadow reads it: three fields, whatever follows; the last number is reckoned in 64 bits. */
function readGrant(line: string): { readonly owner: string; readonly range: PortRange }[] {
  const [owner = "", from = "", many = ""] = line.split(":");
  const [start, count] = [readUnsigned(from), readUnsigned(many)];
  // NIS is not asked for such names (name_is_nis of lib/commonio.c).
  if (owner === "" || /^[+-]/.test(owner) || Buffer.byteLength(line) >= LONGEST_LINE) return [];
  if (start === undefined || count === undefined || start > LAST_UID) return [];
  const last = BigInt.asUintN(64, start + count - 1n);
  if (last < start) return [];
  return [{ owner, range: { from: Number(start), to: Math.min(Number(last), LAST_UID) } }];
}

/** As strtoul(3) of base 0 in the C locale, where it takes all of the text and it fits 64 bits; absent otherwise. */
function readUnsigned(text: string): bigint | undefined {
  const [, sign, digits = ""] = /^[ \t\v\f\r\n]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text) ?? [];
  if (digits === "") return undefined;
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits}` : digits);
  if (value !== BigInt.asUintN(64, value)) return undefined;
  return sign === "-" ? BigInt.asUintN(64, -value) : value;
}

/**
 * The user whose uid engines' sockets bear: `awg` where it exists, can be worn in this user namespace and setpriv is
 * there to hand it over; root otherwise, and then the firewall's exception for endpoints is open to all of root.
 */
export function readServiceUser(): EngineUser {
  const user = readUsers().get(SERVICE_USER);
  const canChange = SETPRIV_PATHS.some((path) => existsSync(path));
  return user !== undefined && canChange && isMapped(user.uid) ? user : ROOT_USER;
}

function readUsers(): ReadonlyMap<string, EngineUser> {
  return usersIn(readText("/etc/passwd"));
}

/** As getpwnam(3) finds them: the first line of a name; comments and what NIS is asked for are none (glibc, nss/nss_files). */
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

/** Empty where there is no such file. Any other failure ends the look: a rule would lack its users, and the engine its own. */
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
