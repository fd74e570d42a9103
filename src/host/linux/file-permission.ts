import { AwgError } from "../../model/error.ts";

const REFUSALS: ReadonlySet<string | undefined> = new Set(["EACCES", "EPERM", "EROFS"]);

/**
 * Runs what reads or writes files, and tells a refusal by the system as one: AwgError("permission") with the path that was
 * refused. Other errors go on as they are.
 *
 * @param action what was being done, for people: "writing the unit awg.service"
 */
export function withFilePermission<T>(action: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asRefusal(action, error);
  }
}

/** The same for what takes its time. */
export async function awaitFilePermission<T>(action: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw asRefusal(action, error);
  }
}

function asRefusal(action: string, error: unknown): unknown {
  // Of a renaming that is refused, Node names the new name in `dest`: the old one is a draft.
  const { code, path: from, dest: path = from } = error as NodeJS.ErrnoException & { readonly dest?: string };
  if (error instanceof AwgError || !REFUSALS.has(code)) return error;
  const isRoot = process.geteuid?.() === 0;
  return new AwgError("permission", `${action} was refused${path === undefined ? "" : ` at ${path}`} (${code})`, {
    remedy: isRoot ? "see whether it is immutable (lsattr) or its file system read-only (findmnt)" : "run it as root",
    cause: error,
  });
}
