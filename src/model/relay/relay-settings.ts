import { AwgError } from "../error.ts";
import { parseIp } from "../ip.ts";

/**
 * Options of Node for a relay's process. Without them V8 leaves the garbage of many connections until its heap has grown:
 * 271 MB resident after 20,000 short connections instead of 95 (measured, node 24.21).
 */
export const RELAY_NODE_OPTIONS = ["--max-semi-space-size=1", "--optimize-for-size"] as const;

/** What a relay gets from the keeper. Its text contains the password. */
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
  /** Owner of its sockets after the listeners are open; it runs as this user, or as nobody in place of root. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Port of its transparent listeners on RELAY_ADDRESSES. */
  readonly port: number;
  /** Unix socket that reports its state. */
  readonly statePath: string;
  /** What the report repeats, so that its reader knows this configuration again; no secret. */
  readonly identity: string;
}

/** Bytes of a password part: that of a key, which the keeper cuts out of requests and wipes. */
const PART_BYTES = 32;
const PART_NAME = "password_part=";
const MOST_PASSWORD_BYTES = 4096;

type Json = Readonly<Record<string, unknown>>;

/** The settings as text: a line of JSON, and the password as lines of hex. */
export function renderRelaySettings(settings: Omit<RelaySettings, "password">, password?: Uint8Array): string {
  return [JSON.stringify(settings), ...(password === undefined ? [] : passwordLines(password)), ""].join("\n");
}

/**
 * Reads the settings.
 *
 * @throws AwgError("bug") that names the field and never its value.
 */
export function parseRelaySettings(text: string): RelaySettings {
  const [first = "", ...lines] = text.split("\n");
  const { protocol, server, tls, username, udp, user, port, statePath, identity } = objectOf(jsonOf(first), "text");
  if (protocol !== "socks5" && protocol !== "http") throw invalid("protocol");
  const { address, port: serverPort } = objectOf(server, "server");
  const { uid, gid } = objectOf(user, "user");
  if (typeof address !== "string" || parseIp(address) === undefined) throw invalid("server.address");
  if (typeof udp !== "boolean") throw invalid("udp");
  if (typeof statePath !== "string" || !statePath.startsWith("/")) throw invalid("statePath");
  const password = passwordOf(lines.filter((line) => line !== ""));
  return {
    protocol,
    server: { address, port: numberOf(serverPort, 65_535, "server.port") },
    ...(tls === undefined ? {} : { tls: tlsOf(objectOf(tls, "tls")) }),
    ...(username === undefined ? {} : { username: textOf(username, "username") }),
    ...(password === undefined ? {} : { password }),
    udp,
    user: { uid: numberOf(uid, 0xffff_fffe, "user"), gid: numberOf(gid, 0xffff_fffe, "user") },
    port: numberOf(port, 65_535, "port"),
    statePath,
    identity: textOf(identity, "identity"),
  };
}

/** Two bytes of length, the password, and zeros up to whole parts. */
function passwordLines(password: Uint8Array): string[] {
  if (password.length > MOST_PASSWORD_BYTES) throw invalid("password");
  const padded = new Uint8Array(Math.ceil((2 + password.length) / PART_BYTES) * PART_BYTES);
  new DataView(padded.buffer).setUint16(0, password.length);
  padded.set(password, 2);
  return Array.from({ length: padded.length / PART_BYTES }, (_, part) => {
    const bytes = padded.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    return PART_NAME + [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });
}

function passwordOf(lines: readonly string[]): string | undefined {
  if (lines.length === 0) return undefined;
  const digits = lines.map((line) => {
    if (!line.startsWith(PART_NAME) || !/^[0-9a-f]{64}$/.test(line.slice(PART_NAME.length))) throw invalid("password");
    return line.slice(PART_NAME.length);
  });
  const bytes = Uint8Array.from(digits.join("").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  const length = new DataView(bytes.buffer).getUint16(0);
  if (length + 2 > bytes.length) throw invalid("password");
  return new TextDecoder().decode(bytes.subarray(2, 2 + length));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("text");
  }
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
