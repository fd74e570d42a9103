import { ENGINE_SIGN } from "../../../model/engine-program.ts";
import { AwgError } from "../../../model/error.ts";
import { readServiceUser } from "../service-user.ts";
import { ProcFolder } from "./proc-folder.ts";
import { processName } from "./process-name.ts";
import { SocketHolders } from "./socket-holders.ts";

/** A socket of the kernel's own (its WireGuard, a VXLAN) is in no process's hands. */
const UNSEEN = "the kernel itself or a process that cannot be seen from here";

/**
 * Who has this UDP port of this network namespace, in words for people; undefined when nobody has, or only engines that a
 * keeper started. A socket of either family, at any address, keeps an engine from it. Reads all processes where somebody has it.
 */
export function portHolder(port: number): string | undefined {
  const proc = new ProcFolder();
  const inodes = proc.udpSockets(port);
  if (inodes.length === 0) return undefined;
  const holders = new SocketHolders(proc);
  const pids = [...new Set(inodes.flatMap((inode) => holders.holdersOf(inode).map(({ pid }) => pid)))];
  const others = pids.filter((pid) => !isEngine(proc, pid));
  if (others.length > 0) return others.map((pid) => `${processName(pid)} (process ${pid})`).join(", ");
  // Looking took a while: it may have been closed.
  return pids.length === 0 && proc.udpSockets(port).length > 0 ? UNSEEN : undefined;
}

/** Anybody may write the keeper's sign into his own environment. */
function isEngine(proc: ProcFolder, pid: number): boolean {
  const isTrusted = [0, readServiceUser().uid].includes(proc.read(pid)?.uid ?? -1);
  return isTrusted && proc.variables(pid).some((one) => one.startsWith(`${ENGINE_SIGN}=`));
}

/** The error of an engine that could not have its UDP port, with who has it where that can be seen; any other as it is. */
export function namePortHolder(error: unknown, port: number): unknown {
  if (!(error instanceof AwgError) || error.facts["errno"] !== "EADDRINUSE") return error;
  const holder = portHolder(port);
  if (holder === undefined) return error;
  return new AwgError("host", `${error.message}: ${holder} has the UDP port ${port}`, {
    cause: error,
    facts: { ...error.facts, port, holder },
    remedy: "name another listenPort, or 0 for any, or stop that program",
  });
}
