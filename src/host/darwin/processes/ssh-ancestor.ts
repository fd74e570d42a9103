import type { Program } from "../../../model/program/program.ts";
import type { ProcessPort } from "../../ports/processes.ts";

const MOST_ANCESTORS = 64;
/** OpenSSH's server on macOS; since 9.8 each connection has its own program. */
const SSHD: ReadonlySet<string | null | undefined> = new Set(["/usr/sbin/sshd", "/usr/libexec/sshd-session"]);
const SSH_PORT = 22;

/**
 * The SSH connection of a process in the form of SSH_CONNECTION (sshd(8)), by the socket of its sshd ancestor. The
 * variable itself is not available: sudo removes it, and macOS hides the environment of its own programs.
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
  // Forwarded connections have other ports.
  const { local, remote } = own.find((one) => one.local.port === SSH_PORT) ?? own[0] ?? {};
  if (local === undefined || remote === undefined) return undefined;
  return `${remote.address} ${remote.port} ${local.address} ${local.port}`;
}

/**
 * The start of a process's SSH connection, in milliseconds since the epoch, by its nearest sshd ancestor, which serves
 * it alone. Undefined without one.
 */
export function sshdStartMs({ read }: Pick<ProcessPort, "read">, pid: number): number | undefined {
  const [nearest] = serversAbove(read, pid);
  return nearest?.startedMs;
}

/** The sshd ancestors of a process, nearest first. */
function* serversAbove(read: ProcessPort["read"], pid: number): Generator<Program> {
  for (let at = pid, steps = 0; at > 1 && steps < MOST_ANCESTORS; steps += 1) {
    const program = read(at);
    if (program === undefined) return;
    if (SSHD.has(program.path)) yield program;
    at = program.parentPid;
  }
}
