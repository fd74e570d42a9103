import { lstatSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../model/error.ts";

const OTHERS_MAY_WRITE = 0o002;
const GROUP_MAY_WRITE = 0o020;
const STICKY = 0o1000;
/** As many as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;

/** Who can change what a file says although root is to act upon it, and what takes that from them. */
interface Exposure {
  readonly message: string;
  readonly remedy: string;
}

type Rights = Pick<Stats, "uid" | "gid" | "mode">;

/**
 * Whose files root may act upon: root's, and where a person called `sudo awg` also those of that person, who could have
 * given root any file. Undefined where this process is not root: then nobody's rights are lent out.
 */
export function trustedOwners(
  environment: Readonly<Record<string, string | undefined>>,
  isUnattended = false,
): ReadonlySet<number> | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const caller = environment["SUDO_UID"] ?? "";
  return new Set(isUnattended || !/^[0-9]{1,10}$/.test(caller) ? [0] : [0, Number(caller)]);
}

/**
 * Who else than `owners` could change a file that was opened as `file`, or put another one in its place: by its mode, its
 * owner, a folder or a link on the way to it. Access control lists count as far as the mode's group shows them.
 */
export function exposureOf(path: string, file: Rights, owners: ReadonlySet<number>): Exposure | undefined {
  const own = weaknessOf(file, owners);
  if (own !== undefined) return { message: `the file ${own}`, remedy: `run chown root ${path}; chmod go-w ${path}` };
  try {
    for (const [at, status] of pathComponents(path)) {
      const weakness = weaknessOf(status, owners);
      if (weakness !== undefined) return onTheWay(at, status.isDirectory(), weakness);
    }
    return undefined;
  } catch (error) {
    return { message: `the way to the file cannot be looked at: ${messageOf(error)}`, remedy: "try again" };
  }
}

function onTheWay(at: string, isFolder: boolean, weakness: string): Exposure {
  return {
    message: `the ${isFolder ? "folder" : "symbolic link"} ${at} on the way to the file ${weakness}`,
    remedy: isFolder ? `run chown root ${at}; chmod go-w ${at}, or put the file elsewhere` : `run chown -h root ${at}`,
  };
}

function weaknessOf(status: Rights & Partial<Stats>, owners: ReadonlySet<number>): string | undefined {
  const { uid, gid, mode } = status;
  if (!owners.has(uid)) return `belongs to uid ${uid}, who can change it`;
  // A link's own mode says nothing; in a sticky folder only its owner and a file's owner can exchange the file.
  const isKept = status.isSymbolicLink?.() === true || (status.isDirectory?.() === true && (mode & STICKY) !== 0);
  if (isKept) return undefined;
  const text = (mode & 0o777).toString(8).padStart(4, "0");
  if ((mode & OTHERS_MAY_WRITE) !== 0) return `has mode ${text}, so every user of the machine can change it`;
  if ((mode & GROUP_MAY_WRITE) === 0 || isPrivateGroup(uid, gid)) return undefined;
  return `has mode ${text}, so everybody in the group ${gid} can change it`;
}

/**
 * Whether a group is its owner's alone, as systems make them whose umask is 002 (USERGROUPS_ENAB of login.defs(5)): of the
 * same number, and without other members.
 */
function isPrivateGroup(uid: number, gid: number): boolean {
  if (uid !== gid) return false;
  try {
    const line = readFileSync("/etc/group", "utf8")
      .split("\n")
      .map((text) => text.split(":"))
      .find(([, , number]) => number === `${gid}`);
    return line?.[3] === undefined || line[3].split(",").every((member) => member === "" || member === line[0]);
  } catch {
    return false;
  }
}

/** Every folder and every symbolic link that is passed on the way to a file, from the root of the file system on. */
function* pathComponents(path: string): Generator<readonly [string, Stats]> {
  let at = "/";
  let rest = resolve(path).split("/");
  for (let links = 0; rest.length > 0; ) {
    const next = join(at, rest.shift() ?? "");
    const status = lstatSync(next);
    if (status.isSymbolicLink() && ++links <= MAX_LINKS) {
      const target = readlinkSync(next);
      rest = [...target.split("/"), ...rest];
      if (target.startsWith("/")) at = "/";
    } else at = next;
    if (!status.isFile()) yield [next, status];
  }
}
