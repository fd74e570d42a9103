import { closeSync, constants, fchmodSync, fstatSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../../model/version.ts";
import { decodeLines, encodeLine } from "../../state/line.codec.ts";
import { writeWhole } from "../../state/state-folder.ts";
import type { LoadedConfig, SourceFile } from "./loaded-config.ts";

/**
 * The configuration that was applied last, as read: a `diff` of the same text need not load the YAML and schema
 * libraries. Only writing verbs write it; it is believed only when it is ours, private, whole, and of exactly these texts.
 */
export interface KnownConfig {
  read(files: readonly SourceFile[]): LoadedConfig | undefined;
  write(files: readonly SourceFile[], loaded: LoadedConfig): void;
}

interface Stored {
  /** Of the awg that wrote it, and the permissions of the files. */
  readonly key: string;
  readonly texts: readonly string[];
  readonly loaded: LoadedConfig;
}

/** Keeps it in a file of the state folder; every failure means "not known". */
export function knownConfigIn(stateDir: string): KnownConfig {
  const path = join(stateDir, "known-config.json");
  return {
    read(files) {
      const stored = readPrivate(path);
      if (stored?.key !== keyOf(files) || !sameTexts(stored.texts, files)) return undefined;
      return { ...stored.loaded, sources: files.map(({ name }) => name) };
    },
    write(files, loaded) {
      if (loaded.config === undefined || loaded.problems.length > 0) return;
      try {
        writePrivate(
          path,
          encodeLine({ key: keyOf(files), texts: files.map(({ text }) => text), loaded } satisfies Stored),
        );
      } catch {
        // A cache that cannot be written is a slower diff, not a failed apply.
      }
    },
  };
}

function keyOf(files: readonly SourceFile[]): string {
  const modes = files.map(({ mode }) => ((mode ?? 0) & 0o077).toString(8)).join(",");
  return `${VERSION} ${modes}`;
}

/** Texts are compared as they are: hashing one costs a start more than reading it. */
function sameTexts(texts: readonly string[], files: readonly SourceFile[]): boolean {
  return texts.length === files.length && files.every(({ text }, index) => text === texts[index]);
}

function readPrivate(path: string): Stored | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = fstatSync(descriptor);
    const { uid, mode } = status;
    if (!status.isFile() || uid !== process.geteuid?.() || (mode & 0o077) !== 0) return undefined;
    const { values, defect } = decodeLines(readFileSync(descriptor));
    return defect === undefined && values.length === 1 ? (values[0] as Stored) : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function writePrivate(path: string, bytes: Uint8Array): void {
  const draft = `${path}.${process.pid}`;
  const descriptor = openSync(
    draft,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    try {
      fchmodSync(descriptor, 0o600);
      writeWhole(descriptor, bytes);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, path);
  } catch (error) {
    // A full disk would otherwise collect one empty draft for each process.
    rmSync(draft, { force: true });
    throw error;
  }
}
