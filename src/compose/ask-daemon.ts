import type { DaemonLine, DaemonQuestion } from "../api/daemon-lines.ts";
import type { HostOptions } from "../app/host-options.ts";
import { askDaemon } from "../client/daemon-client.ts";
import { openableSocket } from "../client/openable-socket.ts";
import { AwgError } from "../model/error.ts";
import { readPeerCredentials } from "../native/linux/process/unix-socket.ffi.ts";
import { pathsFor } from "./paths.ts";

/**
 * The lines of the daemon that keeps this host, for one question.
 *
 * @throws AwgError unsupported on a host without a socket of the daemon, unreachable when none answers
 */
export function askDaemonOf(
  options: HostOptions,
  question: DaemonQuestion,
  signal?: AbortSignal,
): AsyncGenerator<DaemonLine> {
  demandDaemonSocket(options.host);
  const path = daemonSocketFor(options);
  const listenerUid = (fd: number): number => readPeerCredentials(fd).uid;
  return askDaemon(question, { path, listenerUid, ...(signal === undefined ? {} : { signal }) });
}

/** The daemon's socket that is for this user. */
export function daemonSocketFor({ stateDir, runDir }: HostOptions): string {
  const { admins, viewers } = pathsFor(stateDir, runDir).daemonSockets;
  return openableSocket([admins, viewers]);
}

/** @throws AwgError unsupported on a host whose daemon has no socket: a simulated one, or a Mac */
export function demandDaemonSocket(host: HostOptions["host"]): void {
  if (host.kind === "simulated" || process.platform !== "linux") {
    throw new AwgError("unsupported", "only a daemon on Linux answers questions in this version", {
      remedy: "use awg status",
    });
  }
}
