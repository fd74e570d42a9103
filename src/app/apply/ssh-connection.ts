import { readFileSync } from "node:fs";
import { addressBits, renderIp } from "../../model/ip.ts";
import { parsePrefix, prefixContains } from "../../model/prefix.ts";
import { parseSshConnection, type SshConnection } from "../../model/ssh-connection.ts";

const MOST_ANCESTORS = 64;
/** Programs that serve one connection: sshd before OpenSSH 9.8, its sshd-session since, dropbear. */
const SSH_SERVERS: ReadonlySet<string> = new Set(["sshd", "sshd-session", "dropbear"]);
/** Milliseconds of a clock tick, the kernel's unit for times in user space (USER_HZ). */
const MS_PER_TICK = 10;

/** How a process came to be. */
export interface ProcessOrigin {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly parent: number;
  /** The first 15 bytes of its program's file name. */
  readonly name: string;
  /** Milliseconds since boot. */
  readonly startedMs: number;
}

/** The SSH connection that this process was started over. */
export interface CarriedConnection {
  /** As in SSH_CONNECTION (sshd(8)): "client port server port". */
  readonly text: string;
  readonly ends: SshConnection;
  /** The device of this network namespace that has the server's address. */
  readonly device: string;
  /** The client is on none of the device's networks, so a router leads to it. */
  readonly byRouter: boolean;
}

/**
 * The SSH connection that this process was started over. sudo removes SSH_CONNECTION, so the parent processes are read
 * too. undefined if there is none, or if its server address is on no device of this network namespace: then no change
 * here can cut it.
 *
 * @param above gives SSH_CONNECTION of the parent processes; from Linux's /proc by default
 */
export function readSshConnection(
  environment: NodeJS.ProcessEnv,
  above: () => string | undefined = () => connectionAbove(process.ppid, readOrigin),
): CarriedConnection | undefined {
  const text = environment["SSH_CONNECTION"] ?? above();
  if (text === undefined) return undefined;
  // Loaded only where there is such a connection: most starts need none of it.
  const { networkInterfaces } = process.getBuiltinModule("node:os");
  const places = Object.entries(networkInterfaces()).flatMap(([device, addresses]) =>
    (addresses ?? [])
      .filter(({ internal }) => !internal)
      .map(({ address, cidr }) => ({ device, address, network: cidr ?? undefined })),
  );
  return carriedBy(text, places);
}

/** The connection with the device that has its server's address; undefined when none of these has. Pure. */
export function carriedBy(
  text: string,
  places: readonly { readonly device: string; readonly address: string; readonly network?: string | undefined }[],
): CarriedConnection | undefined {
  const ends = parseSshConnection(text);
  const server = ends === undefined ? undefined : renderIp(ends.server);
  const device = places.find(({ address }) => address === server)?.device;
  if (ends === undefined || device === undefined) return undefined;
  const { family, value } = ends.client;
  const client = { family, address: value, length: addressBits(family) };
  const networks = places.flatMap((place) => (place.device === device ? (parsePrefix(place.network ?? "") ?? []) : []));
  return { text, ends, device, byRouter: !networks.some((network) => prefixContains(network, client)) };
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

/**
 * When the SSH connection above a process was made, milliseconds since boot: the nearest SSH server above serves it alone.
 * undefined where there is none, as in a terminal multiplexer that was left running.
 */
export function sshServerStartMs(
  pid: number,
  read: (pid: number) => ProcessOrigin | undefined = readOrigin,
): number | undefined {
  for (let at = pid, steps = 0; at > 1 && steps < MOST_ANCESTORS; steps++) {
    const origin = read(at);
    if (origin === undefined) return undefined;
    if (SSH_SERVERS.has(origin.name)) return origin.startedMs;
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
    const end = stat.lastIndexOf(")");
    const [, parent, ...more] = stat.slice(end + 2).split(" ");
    const startedMs = Number(more[17]) * MS_PER_TICK;
    return { environment, parent: Number(parent), name: stat.slice(stat.indexOf("(") + 1, end), startedMs };
  } catch {
    return undefined;
  }
}
