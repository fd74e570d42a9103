import { AwgError } from "../model/error.ts";
import { parseIp } from "../model/ip.ts";

/** What a relay gets from the keeper, as one JSON object. It contains the password. */
export interface RelaySettings {
  readonly protocol: "socks5" | "http";
  /** Numeric address and port of the proxy. */
  readonly server: { readonly address: string; readonly port: number };
  /** TLS to the proxy; absent: none. */
  readonly tls?: {
    /** The name in its certificate. */
    readonly serverName: string;
    /** A file with the accepted authorities in PEM; absent: those of Node. */
    readonly ca?: string;
  };
  readonly username?: string;
  readonly password?: string;
  /** Whether UDP is relayed (SOCKS5 only). */
  readonly udp: boolean;
  /** Who it runs as after the listeners are open; 0 stays root. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Port of its transparent listeners on RELAY_ADDRESSES. */
  readonly port: number;
  /** Unix socket that reports its state. */
  readonly statePath: string;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the settings.
 *
 * @throws AwgError("bug") that names the field and never its value.
 */
export function parseRelaySettings(text: string): RelaySettings {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid("text");
  }
  const { protocol, server, tls, username, password, udp, user, port, statePath } = objectOf(json, "text");
  if (protocol !== "socks5" && protocol !== "http") throw invalid("protocol");
  const { address, port: serverPort } = objectOf(server, "server");
  const { uid, gid } = objectOf(user, "user");
  if (typeof address !== "string" || parseIp(address) === undefined) throw invalid("server.address");
  if (typeof udp !== "boolean") throw invalid("udp");
  if (typeof statePath !== "string" || !statePath.startsWith("/")) throw invalid("statePath");
  return {
    protocol,
    server: { address, port: numberOf(serverPort, 65_535, "server.port") },
    ...(tls === undefined ? {} : { tls: tlsOf(objectOf(tls, "tls")) }),
    ...(username === undefined ? {} : { username: textOf(username, "username") }),
    ...(password === undefined ? {} : { password: textOf(password, "password") }),
    udp,
    user: { uid: numberOf(uid, 0xffff_fffe, "user"), gid: numberOf(gid, 0xffff_fffe, "user") },
    port: numberOf(port, 65_535, "port"),
    statePath,
  };
}

function tlsOf({ serverName, ca }: Json): NonNullable<RelaySettings["tls"]> {
  return {
    serverName: textOf(serverName, "tls.serverName"),
    ...(ca === undefined ? {} : { ca: textOf(ca, "tls.ca") }),
  };
}

function objectOf(value: unknown, field: string): Json {
  if (typeof value !== "object" || value === null) throw invalid(field);
  return value as Json;
}

function textOf(value: unknown, field: string): string {
  if (typeof value !== "string" || value === "") throw invalid(field);
  return value;
}

function numberOf(value: unknown, most: number, field: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) throw invalid(field);
  return value;
}

function invalid(field: string): AwgError {
  return new AwgError("bug", `the relay received invalid settings: ${field}`);
}
