import { existsSync, readlinkSync, realpathSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AwgError } from "../../../model/error.ts";
import type { ResolverObserved, ResolverSpec } from "../../../model/resources/resolver.ts";
import type { OriginalStatus, ResolverPort } from "../../ports/resolver.ts";
import { type FileOwner, replaceFile, syncFolder } from "./durable-file.ts";
import { forgetOriginal, type OriginalFile, readOriginal, saveOriginal } from "./original-file.ts";
import { notRegularFile, readRegularFile } from "./regular-file.ts";
import { isOurs, parseResolvConf, renderResolvConf } from "./resolv-conf.ts";
import { noteWrittenText } from "./written-text.ts";

const OUR_OWNER: FileOwner = { mode: 0o644, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
const OTHERS_MAY_WRITE = 0o002;
const NEW_LINE = 10;
/** Problems of a link that cannot be followed to a file (symlink(7)), by errno. */
const MISLEADING_LINKS: Readonly<Record<string, string>> = {
  ELOOP: "is a link loop",
  ENOTDIR: "is a link through a path that is not a folder",
  ENAMETOOLONG: "is a link to a name that is too long",
};

/** The resolver's file, and where its original is saved. */
export interface FileResolverPlaces {
  readonly resolvConf: string;
  /** File below the state folder. */
  readonly original: string;
}

/**
 * The resolver that rewrites resolv.conf(5). The original is durable on disk before the first write. If another program
 * overwrites our file, its file becomes the new original. Links are followed, so that the programs that made them still
 * find them.
 */
export function fileResolver(places: FileResolverPlaces): ResolverPort {
  return {
    read: async () => readResolver(places),
    ensure: async (spec) => ensureResolver(places, spec),
    restore: async () => restoreResolver(places),
    unrestored: () => keptOriginal(places),
  };
}

/** Whether resolv.conf is ours or was being written when awg died, or something that is not a file replaced ours. */
export function isFileResolverOurs(places: FileResolverPlaces): boolean {
  const content = contentOrObstacle(places.resolvConf);
  return typeof content === "string" ? readOriginal(places.original) !== undefined : holdsOurs(places, content);
}

function readResolver(places: FileResolverPlaces): ResolverObserved {
  const content = contentOrObstacle(places.resolvConf);
  if (typeof content === "string")
    return { method: "file", servers: [], search: [], device: "", ownedByAwg: false, obstacle: content };
  const { servers, search } = parseResolvConf(textOf(content));
  return { method: "file", servers, search, device: "", ownedByAwg: holdsOurs(places, content) };
}

function ensureResolver(places: FileResolverPlaces, spec: ResolverSpec): void {
  const path = checkedTarget(places.resolvConf);
  const wanted = renderResolvConf(spec);
  const content = readRegularFile(path);
  if (textOf(content) === wanted) return;
  if (!holdsOurs(places, content)) {
    putBackBehindLostLink(places, path);
    saveOriginal(places.original, originalAt(path, content));
  }
  noteWrittenText(wanted);
  replaceFile(path, Buffer.from(wanted), OUR_OWNER);
}

/** If something that is not a file has its name, the original stays saved, and a later call restores it. */
function restoreResolver(places: FileResolverPlaces): void {
  const content = contentOrObstacle(places.resolvConf);
  if (typeof content === "string") {
    if (putBackBehindLostLink(places, places.resolvConf)) forgetOriginal(places.original);
    return;
  }
  const path = targetOf(places.resolvConf);
  if (holdsOurs(places, content)) {
    const original = readOriginal(places.original);
    if (original === undefined) {
      throw new AwgError("host", `awg wrote ${path}, but the saved original is missing`, {
        remedy: `write this host's own name servers to ${path}, then repeat`,
      });
    }
    putBack(original);
  } else {
    putBackBehindLostLink(places, path);
  }
  forgetOriginal(places.original);
}

/**
 * If a link was removed or changed, our text remains in its former target; this restores that file. Returns whether it
 * did.
 */
function putBackBehindLostLink({ original: place }: FileResolverPlaces, path: string): boolean {
  const original = readOriginal(place);
  if (original === undefined || original.path === path) return false;
  const content = contentOrObstacle(original.path);
  if (typeof content === "string" || !isOurs(textOf(content))) return false;
  putBack(original);
  return true;
}

function keptOriginal({ resolvConf, original: place }: FileResolverPlaces): OriginalStatus | undefined {
  const obstacle = contentOrObstacle(resolvConf);
  const original = typeof obstacle === "string" ? readOriginal(place) : undefined;
  if (typeof obstacle !== "string" || original === undefined) return undefined;
  return { obstacle, path: original.path, place, isFile: original.content !== undefined };
}

function putBack({ path, content, ...owner }: OriginalFile): void {
  if (content !== undefined) {
    replaceFile(path, content, owner);
    return;
  }
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

/**
 * While an original is saved, an empty file counts as ours, and so does the original followed by empty lines: a write
 * in place was interrupted. A missing file counts as ours too, since the original has to be restored.
 */
function holdsOurs(places: FileResolverPlaces, content: Uint8Array | undefined): boolean {
  if (content === undefined) return isRemoved(places);
  if (isOurs(textOf(content))) return true;
  if (content.length > 0 && content.at(-1) !== NEW_LINE) return false;
  const { content: original = new Uint8Array() } = readOriginal(places.original) ?? {};
  if (original.length === 0 || content.length === original.length) return false;
  if (content.length === 0) return true;
  const isBegun = Buffer.compare(content.subarray(0, original.length), original) === 0;
  return isBegun && content.subarray(original.length).every((byte) => byte === NEW_LINE);
}

function isRemoved(places: FileResolverPlaces): boolean {
  const original = readOriginal(places.original);
  return original?.content !== undefined && original.path === targetOf(places.resolvConf);
}

function originalAt(path: string, content: Uint8Array | undefined): OriginalFile {
  if (content === undefined) return { path, ...OUR_OWNER };
  const { mode, uid, gid } = statSync(path);
  return { path, mode: mode & 0o7777, uid, gid, content };
}

/** The file's content, or why it cannot be read or created, as text. */
function contentOrObstacle(resolvConf: string): Buffer | string | undefined {
  try {
    const path = targetOf(resolvConf);
    const content = readRegularFile(path);
    if (content === undefined && !existsSync(dirname(path)))
      throw notRegularFile(resolvConf, "is a link into a folder that does not exist");
    return content;
  } catch (error) {
    const obstacle = error instanceof AwgError ? error.facts["obstacle"] : undefined;
    if (typeof obstacle !== "string") throw error;
    return obstacle;
  }
}

/** The file behind links, existing or not. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const what = MISLEADING_LINKS[code];
    if (what !== undefined) throw notRegularFile(path, what);
    if (code !== "ENOENT") throw error;
    return danglingTarget(path);
  }
}

/** The path at which the kernel would create the file, with each link followed, so that no link is replaced. */
function danglingTarget(path: string): string {
  if (!existsSync(dirname(path))) return path;
  const folder = realpathSync(dirname(path));
  const place = join(folder, basename(path));
  const next = linkedFrom(place);
  return next === undefined ? place : targetOf(resolve(folder, next));
}

function linkedFrom(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Refuses a file in a folder that others may write to: they could redirect a write by root. */
function checkedTarget(resolvConf: string): string {
  const path = targetOf(resolvConf);
  const folder = dirname(path);
  if (!existsSync(folder)) {
    throw new AwgError("conflict", `${resolvConf} is a link to ${path}, in a folder that does not exist`, {
      remedy: `make ${resolvConf} a regular file, or start the program that manages it`,
    });
  }
  const { mode } = statSync(folder);
  if ((mode & OTHERS_MAY_WRITE) !== 0) {
    throw new AwgError("conflict", `${resolvConf} is a link to ${path}, in a world-writable folder`, {
      remedy: `make ${resolvConf} a plain file`,
    });
  }
  return path;
}

function textOf(content: Uint8Array | undefined): string {
  return content === undefined ? "" : Buffer.from(content).toString("utf8");
}
