import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { type FileOwner, replaceFile, syncFolder } from "./durable-file.ts";

/** A file as it was before awg wrote it. */
export interface OriginalFile extends FileOwner {
  readonly path: string;
  /** Absent when there was no file. */
  readonly content?: Uint8Array;
}

const KEPT_MODE = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** Keeps an original durably, in place of one kept before. Must return before anything is written over the file. */
export function saveOriginal(place: string, { content, ...original }: OriginalFile): void {
  const text = JSON.stringify({
    version: 1,
    ...original,
    ...(content === undefined ? {} : { contentBase64: Buffer.from(content).toString("base64") }),
  });
  mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
  replaceFile(place, Buffer.from(`${text}\n`), KEPT_MODE);
}

/**
 * The original kept last; undefined when none is.
 *
 * @throws AwgError("host") when what is kept cannot be read: nothing is restored from half a file.
 */
export function readOriginal(place: string): OriginalFile | undefined {
  let text: string;
  try {
    text = readFileSync(place, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return originalOf(JSON.parse(text) as Record<string, unknown>);
  } catch (cause) {
    throw new AwgError("host", `the original of the resolver's file, kept in ${place}, cannot be read`, {
      cause,
      remedy: "put the resolver's file right by hand and delete that one",
    });
  }
}

/** Forgets the original: what stands in its place is right. */
export function forgetOriginal(place: string): void {
  if (readOriginal(place) === undefined) return;
  rmSync(place, { force: true });
  syncFolder(dirname(place));
}

function originalOf({ version, path, mode, uid, gid, contentBase64 }: Record<string, unknown>): OriginalFile {
  const numbers = [mode, uid, gid].every((value) => typeof value === "number");
  if (version !== 1 || typeof path !== "string" || !numbers) throw new Error("unknown format");
  return {
    path,
    mode: mode as number,
    uid: uid as number,
    gid: gid as number,
    ...(typeof contentBase64 === "string" ? { content: Buffer.from(contentBase64, "base64") } : {}),
  };
}
