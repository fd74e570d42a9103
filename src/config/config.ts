import type { Dns } from "./section/dns/dns.ts";
import type { KillSwitch } from "./section/kill-switch.ts";
import type { RootInput } from "./section/root.ts";
import type { NoiseTunnel, Tunnel } from "./section/tunnel.ts";

export type { Dns } from "./section/dns/dns.ts";
export type { KillSwitch } from "./section/kill-switch.ts";
export type { Destination, Match } from "./section/match.ts";
export type { Obfuscation } from "./section/obfuscation.ts";
export type { Rule } from "./section/rule.ts";
export type { NoiseTunnel, Peer, ProxyTunnel, Tunnel } from "./section/tunnel.ts";

/**
 * A complete config: defaults filled in, prefixes and addresses canonical, durations in seconds or as [minimum,
 * maximum]. Ports are ranges, matchers have a `kind`, secrets are references. It is plain JSON data;
 * JSON.parse(JSON.stringify(config)) is the same config.
 */
export type Config = Omit<RootInput, "tunnels" | "killSwitch" | "dns" | "include"> & {
  tunnels: Record<string, Tunnel>;
  killSwitch: KillSwitch;
  dns?: Dns;
};

/** Whether a tunnel uses WireGuard's protocol, obfuscated or not. */
export function isNoiseTunnel(tunnel: Tunnel | undefined): tunnel is NoiseTunnel {
  return tunnel?.protocol === "wireguard" || tunnel?.protocol === "amneziawg";
}

/** Whether the config contains the secret itself, so that it must not be stored or printed. */
export function hasInlineSecret(config: Config): boolean {
  return holdsInline(config.tunnels);
}

function holdsInline(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ("inline" in value && typeof value.inline === "string") return true;
  return Object.values(value).some(holdsInline);
}
