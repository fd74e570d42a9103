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

/** The folder of the files of resolver(5), and the record that awg created it. */
export interface SplitPlaces {
  /** /etc/resolver */
  readonly folder: string;
  /** A file in the state folder. */
  readonly madeFolder: string;
}

/** A file of resolver(5) for one domain. */
export function renderSplitFile(servers: readonly string[]): string {
  return `${[FILE_HEADER, ...servers.map((server) => `nameserver ${server}`)].join("\n")}\n`;
}

/** The domains of our files, with their servers. */
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
 * Writes our files for `split` and deletes ours of other domains. If another program's file has that name, nothing is
 * changed.
 *
 * @returns whether a file was changed
 * @throws AwgError("conflict") for a domain with another program's file
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

/** The domain becomes a file name, so it must not contain a path. */
function checkedName(domain: string): string {
  if (/^[\w-][\w.-]*$/.test(domain)) return domain;
  throw new AwgError("config", `${JSON.stringify(domain)} is not a valid domain for split DNS`);
}

function refuseForeign(path: string): void {
  if (!isThere(path) || readOurs(path) !== undefined) return;
  throw new AwgError("conflict", `another program wrote ${path}; awg does not overwrite it`, {
    remedy: "move that file away, or remove the domain from dns.split",
  });
}

/** The text of our file; undefined where it is missing, a link, or not ours. */
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

/** The draft is beside the folder: configd reads every file in it. */
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

/** macOS has no such folder by default. A record that it is ours is written before it is created. */
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
