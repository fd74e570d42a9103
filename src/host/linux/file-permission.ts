import { AwgError } from "../../model/error.ts";

const REFUSALS: ReadonlySet<string | undefined> = new Set(["EACCES", "EPERM", "EROFS"]);

/**
 * Runs a function that reads or writes files, and converts a refusal by the system to AwgError("permission") with the
 * path. Other errors pass through.
 *
 * @param action what is being done, for people: "writing the unit awg.service"
 */
export function withFilePermission<T>(action: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asRefusal(action, error);
  }
}

/** The asynchronous version of `withFilePermission`. */
export async function awaitFilePermission<T>(action: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw asRefusal(action, error);
  }
}

function asRefusal(action: string, error: unknown): unknown {
  // When a rename is refused, Node reports the new name in `dest`; the old one is a draft.
  const { code, path: from, dest: path = from } = error as NodeJS.ErrnoException & { readonly dest?: string };
  if (error instanceof AwgError || !REFUSALS.has(code)) return error;
  const isRoot = process.geteuid?.() === 0;
  return new AwgError("permission", `${action} was refused${path === undefined ? "" : ` at ${path}`} (${code})`, {
    remedy: isRoot
      ? "check whether it is immutable (lsattr) or its file system is read-only (findmnt)"
      : "run it as root",
    cause: error,
  });
}
