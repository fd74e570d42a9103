import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { FILE_HEADER } from "../../../model/ownership.ts";
import type { ResolverSpec } from "../../../model/resources/resolver.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";

type Split = NonNullable<ResolverSpec["split"]>;

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** Where the files of resolver(5) lie, and where it is written down that their folder is ours. */
export interface SplitPlaces {
  /** /etc/resolver */
  readonly folder: string;
  /** A file below the state folder. */
  readonly madeFolder: string;
}

/** A file of resolver(5) for the names below one domain. */
export function renderSplitFile(servers: readonly string[]): string {
  return `${[FILE_HEADER, ...servers.map((server) => `nameserver ${server}`)].join("\n")}\n`;
}

/** The domains that files of ours stand for, with their servers. */
export function readSplit(folder: string): Split {
  const found: Record<string, readonly string[]> = {};
  for (const domain of namesIn(folder)) {
    const text = readOurs(join(folder, domain));
    if (text === undefined) continue;
    found[domain] = [...text.matchAll(/^nameserver (\S+)$/gm)].map(([, server = ""]) => server);
  }
  return found;
}

/**
 * Makes our files those of `split`, and deletes ours of other domains. All files of others are looked at first: where one
 * stands in the way nothing is changed.
 *
 * @returns whether a file was changed
 * @throws AwgError("conflict") for a domain that somebody else's file stands for
 */
export function writeSplit(places: SplitPlaces, split: Split): boolean {
  try {
    return replaceOurs(places, split);
  } catch (error) {
    throw error instanceof AwgError ? error : fileError(places.folder, error as NodeJS.ErrnoException);
  }
}

function replaceOurs(places: SplitPlaces, split: Split): boolean {
  const domains = Object.keys(split);
  for (const domain of domains) refuseForeign(join(places.folder, checkedName(domain)));
  const changed = domains.filter(
    (domain) => readOurs(join(places.folder, domain)) !== renderSplitFile(split[domain] ?? []),
  );
  if (changed.length > 0) makeFolder(places);
  for (const domain of changed) replaceFile(join(places.folder, domain), renderSplitFile(split[domain] ?? []));
  const gone = Object.keys(readSplit(places.folder)).filter((domain) => !Object.hasOwn(split, domain));
  for (const domain of gone) rmSync(join(places.folder, domain));
  if (domains.length === 0) removeFolder(places);
  return changed.length + gone.length > 0;
}

function fileError(folder: string, cause: NodeJS.ErrnoException): AwgError {
  const refused = cause.code === "EACCES" || cause.code === "EPERM";
  return new AwgError(refused ? "permission" : "host", `cannot write the files of ${folder}: ${cause.message}`, {
    cause,
    ...(refused ? { remedy: permissionRemedy() } : {}),
  });
}

/** A name is a file's name: nothing in it may lead elsewhere. */
function checkedName(domain: string): string {
  if (/^[\w-][\w.-]*$/.test(domain)) return domain;
  throw new AwgError("config", `${JSON.stringify(domain)} cannot be a domain with servers of its own`);
}

function refuseForeign(path: string): void {
  if (!isThere(path) || readOurs(path) !== undefined) return;
  throw new AwgError("conflict", `${path} is somebody else's: awg does not write over it`, {
    remedy: "move it away, or take the domain out of dns.split",
  });
}

/** The text of a file of ours; undefined where there is none, or a link, or another's. */
function readOurs(path: string): string | undefined {
  try {
    if (!lstatSync(path).isFile()) return undefined;
    const text = readFileSync(path, "utf8");
    return text.startsWith(`${FILE_HEADER}\n`) ? text : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The draft lies beside the folder: configd reads every file inside it. */
function replaceFile(path: string, text: string): void {
  const draft = join(dirname(dirname(path)), `.awg-resolver-${process.pid}`);
  const fd = openSync(draft, "w", FILE_MODE);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, path);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

/** macOS has no such folder of its own. That it is ours is written down before it is made. */
function makeFolder({ folder, madeFolder }: SplitPlaces): void {
  if (isThere(folder)) return;
  mkdirSync(dirname(madeFolder), { recursive: true, mode: 0o700 });
  writeFileSync(madeFolder, `${folder}\n`, { mode: 0o600 });
  mkdirSync(folder, { mode: FOLDER_MODE });
}

function removeFolder({ folder, madeFolder }: SplitPlaces): void {
  if (!isThere(madeFolder)) return;
  if (isThere(folder) && namesIn(folder).length === 0) rmdirSync(folder);
  rmSync(madeFolder, { force: true });
}
