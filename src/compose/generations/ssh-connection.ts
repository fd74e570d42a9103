import { readFileSync } from "node:fs";

const MOST_ANCESTORS = 64;

/** How a process came to be. */
export interface ProcessOrigin {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly parent: number;
}

/**
 * The SSH connection this process was started over, as SSH_CONNECTION tells it (sshd(8)): "client port server port". sudo
 * takes the variable away, so that the processes above are asked too. undefined when there is none, or when its server
 * address is not on a device of this network namespace: then nothing that is done here can cut it.
 */
export function readSshConnection(environment: NodeJS.ProcessEnv): string | undefined {
  const connection = environment["SSH_CONNECTION"] ?? connectionAbove(process.ppid, readOrigin);
  if (connection === undefined) return undefined;
  // Loaded only where there is such a connection: most starts need none of it.
  const { networkInterfaces } = process.getBuiltinModule("node:os");
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return isCarriedBy(
    connection,
    own.filter(({ internal }) => !internal).map(({ address }) => address),
  )
    ? connection
    : undefined;
}

/** Whether the server's end of a connection is one of these addresses. Pure. */
export function isCarriedBy(connection: string, addresses: readonly string[]): boolean {
  const fields = connection.trim().split(/\s+/);
  const server = fields[2]?.replace(/%.*$/, "").replace(/^::ffff:(?=[0-9.]+$)/i, "");
  return fields.length === 4 && server !== undefined && addresses.includes(server);
}

/** SSH_CONNECTION of the nearest process above that has it. */
export function connectionAbove(pid: number, read: (pid: number) => ProcessOrigin | undefined): string | undefined {
  for (let at = pid, steps = 0; at > 1 && steps < MOST_ANCESTORS; steps++) {
    const origin = read(at);
    if (origin === undefined) return undefined;
    const found = origin.environment["SSH_CONNECTION"];
    if (found !== undefined) return found;
    at = origin.parent;
  }
  return undefined;
}

function readOrigin(pid: number): ProcessOrigin | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, "utf8");
    const environment = Object.fromEntries(
      text.split("\0").flatMap((entry) => {
        const at = entry.indexOf("=");
        return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
      }),
    );
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in field 2 may hold blanks and brackets: count from the last bracket.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    return { environment, parent };
  } catch {
    return undefined;
  }
}
