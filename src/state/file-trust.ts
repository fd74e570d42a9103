import { lstatSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../model/error.ts";

const OTHERS_MAY_WRITE = 0o002;
const GROUP_MAY_WRITE = 0o020;
const STICKY = 0o1000;
/** The limit of Linux (path_resolution(7)). */
const MAX_LINKS = 40;

/** How other users could change a file that root acts on, and the remedy. */
interface Exposure {
  readonly message: string;
  readonly remedy: string;
}

type Rights = Pick<Stats, "uid" | "gid" | "mode">;

/**
 * The owners whose files root may act on: root, and with `sudo awg` the calling user, who could give root any file
 * anyway. Undefined when this process is not root.
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
 * How anyone but `owners` could change the file opened as `file`, or replace it: by its mode, its owner, or a folder or
 * link of its path. Access control lists count as far as the mode's group shows them.
 */
export function exposureOf(path: string, file: Rights, owners: ReadonlySet<number>): Exposure | undefined {
  const own = weaknessOf(file, owners);
  if (own !== undefined) return { message: `the file ${own}`, remedy: `run chown root ${path}; chmod go-w ${path}` };
  try {
    for (const [at, status] of pathComponents(path)) {
      const weakness = weaknessOf(status, owners);
      if (weakness !== undefined) return pathExposure(at, status.isDirectory(), weakness);
    }
    return undefined;
  } catch (error) {
    return { message: `the path to the file cannot be read: ${messageOf(error)}`, remedy: "try again" };
  }
}

function pathExposure(at: string, isFolder: boolean, weakness: string): Exposure {
  return {
    message: `the ${isFolder ? "folder" : "symbolic link"} ${at} in the path of the file ${weakness}`,
    remedy: isFolder
      ? `run chown root ${at}; chmod go-w ${at}, or move the file to another folder`
      : `run chown -h root ${at}`,
  };
}

function weaknessOf(status: Rights & Partial<Stats>, owners: ReadonlySet<number>): string | undefined {
  const { uid, gid, mode } = status;
  if (!owners.has(uid)) return `belongs to uid ${uid}, which can change it`;
  // The mode of a link has no meaning. In a sticky folder only the owner of the folder or of a file can replace the
  // file.
  const isProtected = status.isSymbolicLink?.() === true || (status.isDirectory?.() === true && (mode & STICKY) !== 0);
  if (isProtected) return undefined;
  const text = (mode & 0o777).toString(8).padStart(4, "0");
  if ((mode & OTHERS_MAY_WRITE) !== 0) return `has mode ${text}, so every user of this host can change it`;
  if ((mode & GROUP_MAY_WRITE) === 0 || isPrivateGroup(uid, gid)) return undefined;
  return `has mode ${text}, so every member of the group ${gid} can change it`;
}

/**
 * Whether a group is private to its owner: same number, no other members. Systems with umask 002 create such groups
 * (USERGROUPS_ENAB of login.defs(5)).
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

/** Every folder and symbolic link in the path to a file, from the root on. */
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
