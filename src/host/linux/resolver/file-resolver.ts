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
/** What a link is that leads to no place where a file could be (symlink(7)), by the error of following it. */
const MISLEADING_LINKS: Readonly<Record<string, string>> = {
  ELOOP: "is a link that leads back to itself",
  ENOTDIR: "is a link to a place below what is no folder",
  ENAMETOOLONG: "is a link to a name that is too long",
};

/** Where the file lies and where its original is kept. */
export interface FileResolverPlaces {
  readonly resolvConf: string;
  /** File below the state folder. */
  readonly original: string;
}

/**
 * The resolver by rewriting resolv.conf(5). The original is on disk before the first byte is written; a file that
 * somebody wrote over ours becomes the new original. Links are followed, so that the program which made them finds
 * them again.
 */
export function fileResolver(places: FileResolverPlaces): ResolverPort {
  return {
    read: async () => readResolver(places),
    ensure: async (spec) => ensureResolver(places, spec),
    restore: async () => restoreResolver(places),
    kept: () => keptOriginal(places),
  };
}

/**
 * Whether a resolv.conf of ours stands there, or was being written when awg died; also where something that is no file took
 * the place of ours.
 */
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

/** Behind what is no file the original stays kept: it is put back by the next call that finds the way free. */
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
      throw new AwgError("host", `${path} was written by awg, but the original that it replaced is not kept any more`, {
        remedy: `write ${path} as it should be`,
      });
    }
    putBack(original);
  } else {
    putBackBehindLostLink(places, path);
  }
  forgetOriginal(places.original);
}

/** A link that was taken away or leads elsewhere now leaves our text in the file that it led to. Whether it was so. */
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
 * Beside a kept original an empty file, and that original with empty lines behind it, are ours: a write in place died before
 * its end. So is the place of a file of ours that somebody removed: nobody's file stands there, and the machine lacks the one
 * that did.
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

/** What the file holds, or, for people, what is in the way of reading it or of there being one. */
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

/** The file behind links, whether it exists or not. */
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

/** Where the kernel would make the file: each link is followed, so that none is replaced. */
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

/** Root must not be led to write where others may: the folder of the file is closed to them. */
function checkedTarget(resolvConf: string): string {
  const path = targetOf(resolvConf);
  const folder = dirname(path);
  if (!existsSync(folder)) {
    throw new AwgError("conflict", `${resolvConf} leads to ${path}, whose folder does not exist`, {
      remedy: `make ${resolvConf} a plain file, or start the program that keeps it`,
    });
  }
  const { mode } = statSync(folder);
  if ((mode & OTHERS_MAY_WRITE) !== 0) {
    throw new AwgError("conflict", `${resolvConf} leads to ${path}, in a folder that everybody may write to`, {
      remedy: `make ${resolvConf} a plain file`,
    });
  }
  return path;
}

function textOf(content: Uint8Array | undefined): string {
  return content === undefined ? "" : Buffer.from(content).toString("utf8");
}
