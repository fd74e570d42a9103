import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { type FileOwner, replaceFile, syncFolder } from "./durable-file.ts";

/** A file before awg first wrote it. */
export interface OriginalFile extends FileOwner {
  readonly path: string;
  /** Absent when the file did not exist. */
  readonly content?: Uint8Array;
}

const KEPT_MODE = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** Saves an original durably and replaces the one saved before. Call it before the file is written. */
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
 * The saved original; undefined when there is none.
 *
 * @throws AwgError("host") when it cannot be read completely; then nothing is restored.
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
    throw new AwgError("host", `the saved original of the resolver's file, ${place}, cannot be read`, {
      cause,
      remedy: `correct the resolver's file by hand and delete ${place}`,
    });
  }
}

/** Deletes the saved original. */
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
