/** Protocols over a connection: DNS over TCP (RFC 7766); encrypted over TLS (RFC 7858) and HTTPS (RFC 8484). */
export const SERVER_PROTOCOLS = ["tcp", "tls", "https"] as const;

/** A server that is queried over a connection. */
export interface ConnectedServer {
  /** Numeric: no name has to be resolved to reach it. */
  readonly address: string;
  readonly protocol: (typeof SERVER_PROTOCOLS)[number];
  /** The name in its certificate; its address when absent. Not for TCP, as path and ca. */
  readonly name?: string;
  /** 53 for TCP, 853 for TLS, 443 for HTTPS when absent. */
  readonly port?: number;
  /** Path of the HTTPS query; `/dns-query` when absent. */
  readonly path?: string;
  /** File of the accepted authorities in PEM; Node's own list when absent. */
  readonly ca?: string;
}

/** A server of names: an address that is queried over UDP, and over TCP if the reply is cut, or one with a protocol. */
export type NameServer = string | ConnectedServer;

const DNS_PORT = 53;
/** Ports of servers that name none. */
export const DEFAULT_PORTS = { tcp: DNS_PORT, tls: 853, https: 443 } as const;

/** The servers of all names and of single domains, as `dns` of the config has them. */
interface DeclaredServers {
  readonly servers?: readonly NameServer[];
  readonly split?: Readonly<Record<string, readonly NameServer[]>> | undefined;
}

/** Every declared server, those of single domains last. */
export function allServers({ servers = [], split = {} }: DeclaredServers = {}): readonly NameServer[] {
  return [...servers, ...Object.values(split).flat()];
}

/** The address of a server. */
export function addressOfServer(server: NameServer): string {
  return typeof server === "string" ? server : server.address;
}

/** The port of its queries. */
export function portOfServer(server: NameServer): number {
  return typeof server === "string" ? DNS_PORT : (server.port ?? DEFAULT_PORTS[server.protocol]);
}

/** The server as people write it: `9.9.9.9`, `tls://9.9.9.9 (dns.quad9.net)`. */
export function serverText(server: NameServer): string {
  if (typeof server === "string") return server;
  const { protocol, address, name, port, path = "" } = server;
  const host = address.includes(":") && port !== undefined ? `[${address}]` : address;
  return `${protocol}://${host}${port === undefined ? "" : `:${port}`}${path}${name === undefined ? "" : ` (${name})`}`;
}

/** Whether a value from outside is a server. */
export function isNameServer(value: unknown): value is NameServer {
  if (typeof value === "string") return true;
  const { address, protocol, name, port, path, ca } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isText = (one: unknown) => one === undefined || typeof one === "string";
  const isKnown = SERVER_PROTOCOLS.some((one) => one === protocol);
  return (
    typeof address === "string" &&
    isKnown &&
    [name, path, ca].every(isText) &&
    ["undefined", "number"].includes(typeof port)
  );
}
