import type { SecretId } from "../secret.ts";

/** The relay of one proxy: programs' flows of a path go through it to the proxy. */
export interface ProxySpec {
  /** The proxy's name in the config. */
  readonly name: string;
  /** The number of its path. */
  readonly number: number;
  readonly protocol: "socks5" | "http";
  /** Numeric address; names are resolved when the state is expanded. */
  readonly address: string;
  readonly port: number;
  /** TLS to the proxy; absent: none. */
  readonly tls?: ProxyTls;
  readonly username?: string;
  readonly password?: SecretId;
  /** Whether UDP is relayed. */
  readonly udp: boolean;
}

export interface ProxyTls {
  /** The name in the proxy's certificate. */
  readonly serverName: string;
  /** A file with the accepted authorities in PEM; absent: Node's. */
  readonly ca?: string;
}

/** What a relay reports about the path to its proxy, and what it carried. */
export interface RelayState {
  readonly state: "unknown" | "up" | "down";
  /** From the start of the connection to the proxy's first answer. */
  readonly latencyMs?: number;
  /** Whether the proxy carries UDP; absent while unknown. */
  readonly udp?: boolean;
  /** Why it is down. */
  readonly reason?: string;
  /** The host's address of the last connection to the proxy. */
  readonly localAddress?: string;
  readonly openConnections: number;
  readonly connections: number;
  readonly openSessions: number;
  /** Refused by the proxy, or because the relay was full. */
  readonly refused: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** The configuration of a relay as it reports it, and its state; absent if it does not answer. */
export interface ProxyObserved extends ProxySpec {
  readonly relay?: RelayState;
}

/** The most bytes of a report. */
export const MOST_REPORT_BYTES = 16 * 1024;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a relay's report; undefined for anything else. The relay has no privileges and talks to a proxy, so its text is
 * checked like that of any other host.
 */
export function parseRelayReport(text: string): { readonly identity: string; readonly relay: RelayState } | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const { identity, state, latencyMs, udp, reason, localAddress, ...rest } = json as Json;
  if (typeof identity !== "string" || (state !== "unknown" && state !== "up" && state !== "down")) return undefined;
  const counts = countsOf(rest);
  if (counts === undefined) return undefined;
  const relay: RelayState = {
    state,
    ...(isCount(latencyMs) ? { latencyMs } : {}),
    ...(typeof udp === "boolean" ? { udp } : {}),
    ...(typeof reason === "string" ? { reason: printable(reason) } : {}),
    ...(typeof localAddress === "string" ? { localAddress: printable(localAddress) } : {}),
    ...counts,
  };
  return { identity, relay };
}

/** Whether a value from outside is the configuration of a relay. */
export function isProxySpec(value: unknown): value is ProxySpec {
  if (typeof value !== "object" || value === null) return false;
  const { name, number, protocol, address, port, tls, username, password, udp } = value as Json;
  const isText = (one: unknown) => typeof one === "string";
  return (
    [name, address].every(isText) &&
    [number, port].every((one) => Number.isSafeInteger(one)) &&
    [username, password].every((one) => one === undefined || isText(one)) &&
    (protocol === "socks5" || protocol === "http") &&
    typeof udp === "boolean" &&
    (tls === undefined || isTls(tls))
  );
}

function isTls(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { serverName, ca } = value as Json;
  return typeof serverName === "string" && (ca === undefined || typeof ca === "string");
}

const COUNTS = ["openConnections", "connections", "openSessions", "refused", "sentBytes", "receivedBytes"] as const;
type Counts = Pick<RelayState, (typeof COUNTS)[number]>;

function countsOf(json: Json): Counts | undefined {
  return COUNTS.every((name) => isCount(json[name]))
    ? (Object.fromEntries(COUNTS.map((name) => [name, json[name]])) as unknown as Counts)
    : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
