import { AwgError, messageOf } from "./error.ts";

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "free some space on its file system (df)",
  EDQUOT: "free some space within root's quota there",
  EPERM: "see whether it or its folder is immutable (lsattr)",
  EROFS: "make its file system writable (findmnt)",
};

/**
 * Why a file of awg's could not be written, and what helps.
 *
 * @param what the file, for people
 * @param cause the error of the system call, with its `code`
 */
export function unwritten(what: string, cause: unknown): AwgError {
  const remedy = REMEDIES[String((cause as { readonly code?: unknown }).code)];
  const options = { cause, ...(remedy === undefined ? {} : { remedy }) };
  return new AwgError("host", `${what} could not be written: ${messageOf(cause)}`, options);
}
