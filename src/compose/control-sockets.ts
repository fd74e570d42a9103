import { keeperPaths } from "../model/keeper-protocol.ts";
import { pathsFor } from "./paths.ts";

/** Where the control sockets of this network namespace's engines are, beside the shared folders. */
export interface ControlSockets {
  /** The keeper's folder; undefined on macOS, which has one network. */
  readonly keeperFolder?: string;
  /** Whether a socket in a shared folder counts. */
  readonly counts: (path: string) => boolean;
}

/** @param isNamespaceAlone leaves out shared sockets that another network namespace serves, as `--netns` asks for */
export async function controlSocketsHere(isNamespaceAlone: boolean): Promise<ControlSockets> {
  if (process.platform !== "linux") return { counts: () => true };
  const { readNamespaceInode } = await import("../native/linux/process/namespace.ffi.ts");
  const { isServedElsewhere } = await import("../native/linux/process/engine-sockets.ts");
  const { folder } = keeperPaths(pathsFor(undefined, undefined).runDir, readNamespaceInode());
  return { keeperFolder: folder, counts: (path) => !isNamespaceAlone || !isServedElsewhere(path) };
}
