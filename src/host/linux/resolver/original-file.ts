import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { canonicalJson } from "../../../model/canonical.ts";
import { AwgError } from "../../../model/error.ts";
import { sha256Hex } from "../../../model/sha256.ts";
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
  const saved = {
    version: 2,
    ...original,
    ...(content === undefined ? {} : { contentBase64: Buffer.from(content).toString("base64") }),
  };
  const text = JSON.stringify({ ...saved, sha256: checksumOf(saved) });
  mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
  replaceFile(place, Buffer.from(`${text}\n`), KEPT_MODE);
}

/**
 * The saved original; undefined when there is none.
 *
 * @throws AwgError("host") when it cannot be read completely, or differs from what was saved; then nothing is restored.
 */
export function readOriginal(place: string): OriginalFile | undefined {
  let text: string;
  try {
    text = readFileSync(place, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let saved: Record<string, unknown>;
  let original: OriginalFile;
  try {
    saved = JSON.parse(text) as Record<string, unknown>;
    original = originalOf(saved);
  } catch (cause) {
    throw unusable(place, "cannot be read", cause);
  }
  if (!isIntact(saved)) throw unusable(place, "was changed after awg wrote it");
  return original;
}

function unusable(place: string, why: string, cause?: unknown): AwgError {
  return new AwgError("host", `the saved original of the resolver's file, ${place}, ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    facts: { path: place },
    remedy: `correct the resolver's file by hand and move ${place} away`,
  });
}

/** Files of version 1 have no checksum. */
function isIntact({ sha256, ...saved }: Record<string, unknown>): boolean {
  return saved["version"] === 1 || sha256 === checksumOf(saved);
}

/** SHA-256 of all other fields, whatever their order. */
function checksumOf(saved: Readonly<Record<string, unknown>>): string {
  return sha256Hex(canonicalJson(saved));
}

/** Deletes the saved original. */
export function forgetOriginal(place: string): void {
  if (readOriginal(place) === undefined) return;
  rmSync(place, { force: true });
  syncFolder(dirname(place));
}

function originalOf({ version, path, mode, uid, gid, contentBase64 }: Record<string, unknown>): OriginalFile {
  const numbers = [mode, uid, gid].every((value) => typeof value === "number");
  if ((version !== 1 && version !== 2) || typeof path !== "string" || !numbers) throw new Error("unknown format");
  return {
    path,
    mode: mode as number,
    uid: uid as number,
    gid: gid as number,
    ...(typeof contentBase64 === "string" ? { content: Buffer.from(contentBase64, "base64") } : {}),
  };
}
