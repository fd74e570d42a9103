import { AwgError } from "../../../model/error.ts";
import { linuxProcesses } from "./linux-processes.ts";
import { processName } from "./process-name.ts";

/**
 * The error of an engine that could not have its UDP port, with the processes that have it where they can be seen; any other
 * error as it is. Reads all processes, so it is asked only once a port was refused.
 */
export function namePortHolder(error: unknown, port: number): unknown {
  if (!(error instanceof AwgError) || error.facts["errno"] !== "EADDRINUSE") return error;
  const processes = linuxProcesses({ nowMs: () => performance.now() });
  const { sockets } = processes.sockets();
  const held = sockets.filter(({ protocol, local }) => protocol === "udp" && local.port === port);
  const pids = [...new Set(held.flatMap(({ holders }) => holders.map(({ pid }) => pid)))];
  if (pids.length === 0) return error;
  const names = pids.map((pid) => `${processName(pid)} (process ${pid})`);
  return new AwgError("host", `${error.message}: ${names.join(", ")} has the UDP port ${port}`, {
    cause: error,
    facts: { ...error.facts, port, pids: pids.map(String) },
    remedy: "name another listenPort, or 0 for any, or stop that program",
  });
}
