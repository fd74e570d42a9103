import { ENGINE_SIGN } from "../../../model/engine-program.ts";
import { AwgError } from "../../../model/error.ts";
import { readServiceUser } from "../service-user.ts";
import { ProcFolder } from "./proc-folder.ts";
import { processName } from "./process-name.ts";
import { SocketHolders } from "./socket-holders.ts";

/** A kernel socket (WireGuard, VXLAN) belongs to no process. */
const UNSEEN = "the kernel itself or a process that is not visible here";

/**
 * Names the program that uses this UDP port in this network namespace; undefined when it is free, or only engines of a
 * keeper use it. A socket of either family at any address blocks an engine. Reads all processes when the port is in
 * use.
 */
export function portHolder(port: number): string | undefined {
  const proc = new ProcFolder();
  const inodes = proc.udpSockets(port);
  if (inodes.length === 0) return undefined;
  const holders = new SocketHolders(proc);
  const pids = [...new Set(inodes.flatMap((inode) => holders.holdersOf(inode).map(({ pid }) => pid)))];
  const others = pids.filter((pid) => !isEngine(proc, pid));
  if (others.length > 0) return others.map((pid) => `${processName(pid)} (process ${pid})`).join(", ");
  // It may have been closed during the search.
  return pids.length === 0 && proc.udpSockets(port).length > 0 ? UNSEEN : undefined;
}

/** Any process may put the keeper's marker into its own environment. */
function isEngine(proc: ProcFolder, pid: number): boolean {
  const isTrusted = [0, readServiceUser().uid].includes(proc.read(pid)?.uid ?? -1);
  return isTrusted && proc.variables(pid).some((one) => one.startsWith(`${ENGINE_SIGN}=`));
}

/**
 * Adds the program that uses the port to the error of an engine that could not bind it; other errors are unchanged.
 */
export function namePortHolder(error: unknown, port: number): unknown {
  if (!(error instanceof AwgError) || error.facts["errno"] !== "EADDRINUSE") return error;
  const holder = portHolder(port);
  if (holder === undefined) return error;
  return new AwgError("host", `${error.message}: UDP port ${port} is in use by ${holder}`, {
    cause: error,
    facts: { ...error.facts, port, holder },
    remedy: "set another listenPort, or 0 for any, or stop that program",
  });
}
