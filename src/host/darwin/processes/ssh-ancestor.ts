import type { Program } from "../../../model/program/program.ts";
import type { ProcessPort } from "../../ports/processes.ts";

const MOST_ANCESTORS = 64;
/** OpenSSH's server as macOS installs it; since 9.8 each connection has a program of its own. */
const SSHD: ReadonlySet<string | null | undefined> = new Set(["/usr/sbin/sshd", "/usr/libexec/sshd-session"]);
const SSH_PORT = 22;

/**
 * The SSH connection above a process as SSH_CONNECTION tells it (sshd(8)), by the socket of the sshd it descends from. The
 * variable is not to be had there: sudo takes it away, and macOS shows nobody the environment of its own programs.
 *
 * @param pid where the search begins, upwards
 */
export function sshConnectionAbove({ read, sockets }: Pick<ProcessPort, "read" | "sockets">, pid: number) {
  const servers = new Set([...serversAbove(read, pid)].map((server) => server.pid));
  if (servers.size === 0) return undefined;
  const own = sockets().sockets.filter(
    ({ protocol, remote, holders }) =>
      protocol === "tcp" && remote !== undefined && holders.some((holder) => servers.has(holder.pid)),
  );
  // What it forwards bears other ports.
  const { local, remote } = own.find((one) => one.local.port === SSH_PORT) ?? own[0] ?? {};
  if (local === undefined || remote === undefined) return undefined;
  return `${remote.address} ${remote.port} ${local.address} ${local.port}`;
}

/**
 * When the SSH connection above a process was made, milliseconds since the epoch: the nearest sshd above serves it alone.
 * undefined where there is none.
 */
export function sshdStartMs({ read }: Pick<ProcessPort, "read">, pid: number): number | undefined {
  const [nearest] = serversAbove(read, pid);
  return nearest?.startedMs;
}

/** The programs of sshd that a process descends from, the nearest first. */
function* serversAbove(read: ProcessPort["read"], pid: number): Generator<Program> {
  for (let at = pid, steps = 0; at > 1 && steps < MOST_ANCESTORS; steps += 1) {
    const program = read(at);
    if (program === undefined) return;
    if (SSHD.has(program.path)) yield program;
    at = program.parentPid;
  }
}
