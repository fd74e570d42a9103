import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { AwgError } from "../../../model/error.ts";

const MAX_BYTES = 1024 * 1024;
/** Errors of opening a socket, or a device without a driver (open(2)). */
const NOT_OPENED: ReadonlySet<string> = new Set(["ENXIO", "ENODEV"]);

/**
 * Reads a file that others may have replaced; undefined where there is none.
 *
 * @throws AwgError("conflict") when it is a pipe, a socket, a device or a folder, or longer than 1 MiB
 */
export function readRegularFile(path: string): Buffer | undefined {
  const descriptor = openIfThere(path);
  if (descriptor === undefined) return undefined;
  try {
    const stat = fstatSync(descriptor);
    if (stat.isFile() && stat.size <= MAX_BYTES) return readFileSync(descriptor);
    throw notRegularFile(path, stat.isFile() ? `has ${stat.size} bytes` : "is not a regular file");
  } finally {
    closeSync(descriptor);
  }
}

/** The error for something else in place of a file of a few lines. */
export function notRegularFile(path: string, what: string): AwgError {
  return new AwgError("conflict", `${path} ${what}`, {
    remedy: `make ${path} a regular file of a few lines`,
    facts: { obstacle: `${path}, which ${what}` },
  });
}

function openIfThere(path: string): number | undefined {
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOENT") return undefined;
    throw NOT_OPENED.has(code) ? notRegularFile(path, "is not a regular file") : error;
  }
}
