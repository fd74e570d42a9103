import { AwgError, messageOf, OPEN_FILES_REMEDIES } from "./error.ts";

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "free some space on its file system (df)",
  EDQUOT: "free some space in root's quota there",
  EPERM: "check whether it or its folder is immutable (lsattr)",
  EROFS: "make its file system writable (findmnt)",
};

/**
 * The error of a failed write to one of awg's files, with a remedy.
 *
 * @param what the file, for people
 * @param cause the error of the system call, with its `code`
 */
export function writeError(what: string, cause: unknown): AwgError {
  const exhausted = outOfOpenFiles(what, cause);
  if (exhausted !== undefined) return exhausted;
  const code = String((cause as { readonly code?: unknown }).code);
  const remedy = REMEDIES[code];
  const options = { cause, ...(remedy === undefined ? {} : { remedy }) };
  // EPERM (an immutable file) refuses root, EACCES (the mode) other users.
  return new AwgError(
    code === "EACCES" ? "permission" : "host",
    `${what} could not be written: ${messageOf(cause)}`,
    options,
  );
}

/**
 * The error of an open that failed for too many open files, in this process (EMFILE) or on this host (ENFILE): the file
 * itself is fine. Undefined for any other cause.
 *
 * @param what the file, for people
 * @param cause the error of the system call, with its `code`
 */
export function outOfOpenFiles(what: string, cause: unknown): AwgError | undefined {
  const code = String((cause as { readonly code?: unknown }).code);
  const remedy = OPEN_FILES_REMEDIES[code];
  if (remedy === undefined) return undefined;
  return new AwgError("host", `${what} could not be opened: ${messageOf(cause)}`, {
    cause,
    facts: { errno: code },
    remedy,
  });
}

/** Whether an error is one of those. */
export function isOutOfOpenFiles(error: unknown): error is AwgError {
  return error instanceof AwgError && String(error.facts["errno"]) in OPEN_FILES_REMEDIES;
}
