import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A private key that only tests use. */
export const PRIVATE_KEY = "uL2p0e6DRyzAEuSjEfZdDvkEO0V7rL5ZOx8d2mSYJ2k=";
/** Public keys of peers that do not exist. */
export const PEER_KEY = "4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=";
export const SECOND_PEER_KEY = "mWB0J2ovTUpXJbKj5oX8N9Xfl1gWx3O4dRkqXvGqN0E=";
export const THIRD_PEER_KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

/** Writes the private key to a file of the folder; gives its path. */
export function writePrivateKey(folder: string, name = "key"): string {
  const path = join(folder, name);
  writeFileSync(path, `${PRIVATE_KEY}\n`, { mode: 0o600 });
  return path;
}

/** A configuration's text: the version, then what is given. */
export function sampleConfig(rest: string): string {
  return `apiVersion: awg/v1\n${rest}`;
}

/** A WireGuard tunnel to one peer, as text of the configuration; what is left out has a usual value. */
export interface SampleTunnel {
  readonly tunnel?: string;
  readonly keyFile: string;
  /** Further lines of the tunnel: "engine: embedded". */
  readonly settings?: readonly string[];
  readonly addresses?: string;
  /** Further fields of the peer: "presharedKey: { env: PSK }". */
  readonly peer?: string;
  readonly allowedIPs?: string;
}

/** An entry of `tunnels:`. */
export function sampleTunnel({ tunnel = "office", keyFile, settings = [], ...more }: SampleTunnel): string {
  const { addresses = "10.8.0.2/32", peer, allowedIPs = "0.0.0.0/0" } = more;
  const fields = [`publicKey: ${PEER_KEY}`, peer, 'endpoint: "192.0.2.1:51820"', `allowedIPs: [${allowedIPs}]`];
  return `  ${tunnel}:
    protocol: wireguard
${settings.map((line) => `    ${line}\n`).join("")}    privateKey: { file: ${keyFile} }
    addresses: [${addresses}]
    peers: [{ ${fields.filter(Boolean).join(", ")} }]
`;
}

interface TunnelConfig extends SampleTunnel {
  /** Further entries of `tunnels:`. */
  readonly otherTunnels?: string;
  readonly killSwitch?: string;
  /** Further lines. */
  readonly more?: string;
}

/** A configuration with one tunnel, all traffic through it and the kill switch on. */
export function tunnelConfig({
  otherTunnels = "",
  killSwitch = "{ enabled: true }",
  more = "",
  ...tunnel
}: TunnelConfig): string {
  return sampleConfig(`tunnels:
${sampleTunnel(tunnel)}${otherTunnels}default: { via: ${tunnel.tunnel ?? "office"} }
killSwitch: ${killSwitch}
${more}`);
}
