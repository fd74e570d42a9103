import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from "node:fs";
import { AwgError, messageOf } from "../model/error.ts";
import type { SecretRef } from "../model/secret.ts";
import { outOfOpenFiles } from "../model/write-error.ts";
import { keyFromBase64Bytes } from "../uapi/key-text.ts";
import { readAtMost } from "./bounded-read.ts";
import { exposureOf } from "./file-trust.ts";
import { isCode } from "./state-folder.ts";

const MAX_SECRET_BYTES = 64 * 1024;
const OTHERS = 0o077;

export interface SecretSourceOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Accept secret files that others can read. */
  readonly allowInsecurePermissions: boolean;
  /**
   * The owners whose files are accepted when this process runs as root; no other user may be able to change or replace
   * a file.
   */
  readonly owners?: ReadonlySet<number> | undefined;
}

/** The text of a reference, trimmed. AwgError naming the reference, never its content. */
export function readSecretText(ref: SecretRef, options: SecretSourceOptions): string {
  if ("inline" in ref) return ref.inline.trim();
  if ("file" in ref) {
    const bytes = readSecretFile(ref.file, options);
    return bytes.toString("utf8").trim();
  }
  if ("env" in ref) {
    const value = options.environment[ref.env];
    if (value !== undefined && value.trim() !== "") return value.trim();
    throw new AwgError("config", `the environment variable ${ref.env}, the source of a secret, is not set`, {
      remedy: "set it, or use a file",
    });
  }
  throw new AwgError("unsupported", `the keychain entry ${ref.keychain} cannot be read: there is no keychain here`, {
    remedy: "use a file or an environment variable",
  });
}

/**
 * Reads a 32-byte key in base64, as WireGuard's tools write it. A key from a file never becomes a string, which could
 * not be wiped.
 */
export function readKey(ref: SecretRef, options: SecretSourceOptions): Uint8Array {
  const encoded = "file" in ref ? readSecretFile(ref.file, options) : Buffer.from(readSecretText(ref, options), "utf8");
  const key = keyFromBase64Bytes(encoded);
  encoded.fill(0);
  if (key !== undefined) return key;
  throw new AwgError("config", `${nameOf(ref)} is not a key: expected 32 bytes in base64 (44 characters)`, {
    remedy: "make one with awg genkey",
  });
}

/** Why an existing secret file would be refused by its mode, owner and size; the file is not opened. */
export function refusedSecretFile(path: string, options: SecretSourceOptions): AwgError | undefined {
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status !== undefined) refuseUnsafe(path, status, options);
    return undefined;
  } catch (error) {
    // Without the right to see the file, there is no verdict.
    return error instanceof AwgError ? error : undefined;
  }
}

function readSecretFile(path: string, options: SecretSourceOptions): Buffer {
  let fd: number;
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const exhausted = outOfOpenFiles(`the secret file ${path}`, cause);
    if (exhausted !== undefined) throw exhausted;
    const why = isCode(cause, "ENOENT") ? "it does not exist" : messageOf(cause);
    throw new AwgError("config", `the secret file ${path} cannot be read: ${why}`, {
      cause,
      facts: { path },
      remedy: `copy the key back, or import the provider's file again; to make a new key: (umask 077; awg genkey > ${path})`,
    });
  }
  try {
    const status = fstatSync(fd);
    refuseUnsafe(path, status, options);
    const bytes = readSecretBytes(path, fd);
    if (bytes !== undefined) return bytes;
    throw new AwgError("config", `the secret file ${path} is too large for a secret`, {
      facts: { path },
      remedy: "set the correct file",
    });
  } finally {
    closeSync(fd);
  }
}

function readSecretBytes(path: string, fd: number): Buffer | undefined {
  try {
    return readAtMost(fd, MAX_SECRET_BYTES);
  } catch (cause) {
    throw new AwgError("config", `the secret file ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      facts: { path },
      remedy: "set another file in the config",
    });
  }
}

function refuseUnsafe(path: string, status: Stats, { allowInsecurePermissions, owners }: SecretSourceOptions): void {
  const refuse = (problem: string, remedy: string): AwgError =>
    new AwgError("config", `the secret file ${path} ${problem}`, { facts: { path }, remedy });
  if (!status.isFile()) throw refuse("is not a regular file", "set a regular file");
  if (status.size > MAX_SECRET_BYTES)
    throw refuse(`has ${status.size} bytes, too many for a secret`, "set the correct file");
  if (allowInsecurePermissions) return;
  if ((status.mode & OTHERS) !== 0) {
    const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
    throw refuse(`can be read by others (mode ${mode})`, `run chmod go= ${path}, or add --allow-insecure-permissions`);
  }
  const uid = process.geteuid?.();
  if (uid !== undefined && status.uid !== uid && status.uid !== 0 && owners?.has(status.uid) !== true) {
    throw refuse(
      `belongs to uid ${status.uid}`,
      `run chown ${uid === 0 ? "root" : uid} ${path}, or add --allow-insecure-permissions`,
    );
  }
  const exposure = owners === undefined ? undefined : exposureOf(path, status, owners);
  if (exposure !== undefined)
    throw refuse(`cannot be trusted: ${exposure.message}`, `${exposure.remedy}, or add --allow-insecure-permissions`);
}

function nameOf(ref: SecretRef): string {
  if ("file" in ref) return `the secret file ${ref.file}`;
  if ("env" in ref) return `the environment variable ${ref.env}`;
  return "an inline secret";
}
