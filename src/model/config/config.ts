import { completeObfuscation } from "./section/amnezia-version.ts";
import type { Dns, DnsInput } from "./section/dns.ts";
import { KILL_SWITCH_OFF, type KillSwitch } from "./section/kill-switch.ts";
import type { Via } from "./section/path.ts";
import type { RootInput } from "./section/root.ts";
import type { NoiseTunnel, Tunnel, TunnelInput } from "./section/tunnel.ts";

export type { SecretRef } from "../secret.ts";
export type { SecondsRange } from "./field/duration.ts";
export type { Endpoint } from "./field/endpoint.ts";
export type { PortRange } from "./field/port.ts";
export type { Dns } from "./section/dns.ts";
export type { KillSwitch } from "./section/kill-switch.ts";
export type { AppMatcher, Destination, Match, NetworkCondition, Protocol } from "./section/match.ts";
export type { AmneziaVersion, NumberRange, Obfuscation } from "./section/obfuscation.ts";
export type { Fallback, Via } from "./section/path.ts";
export type { Invariant } from "./section/root.ts";
export type { Rule } from "./section/rule.ts";
export type { NoiseTunnel, Peer, ProxyTunnel, Tunnel } from "./section/tunnel.ts";

/**
 * A configuration, read and complete: defaults filled in, prefixes and addresses canonical text, durations in seconds
 * or [minimum, maximum] seconds, ports as ranges, matchers tagged by `kind`, secrets as references.
 * It is plain JSON data; JSON.parse(JSON.stringify(config)) is the same configuration.
 */
export type Config = Omit<RootInput, "tunnels" | "killSwitch" | "dns" | "include"> & {
  tunnels: Record<string, Tunnel>;
  killSwitch: KillSwitch;
  dns?: Dns;
};

/** Fills in what depends on several keys: the path of DNS, the kill switch of a configuration without one, versions. */
export function completeConfig(input: RootInput): Config {
  const { tunnels, killSwitch, dns, include: _include, ...rest } = input;
  return {
    ...rest,
    tunnels: Object.fromEntries(Object.entries(tunnels).map(([name, tunnel]) => [name, completeTunnel(tunnel)])),
    killSwitch: killSwitch ?? KILL_SWITCH_OFF,
    ...(dns === undefined ? {} : { dns: completeDns(dns, rest.default.via) }),
  };
}

function completeTunnel(tunnel: TunnelInput): Tunnel {
  if (tunnel.protocol !== "amneziawg") return tunnel;
  const { obfuscation, ...rest } = tunnel;
  return obfuscation === undefined ? rest : { ...rest, obfuscation: completeObfuscation(obfuscation) };
}

/** DNS goes the default path when it names none; a default of `block` leaves only the open path for it. */
function completeDns(dns: DnsInput, defaultVia: Via): Dns {
  return { ...dns, via: dns.via ?? (defaultVia.kind === "block" ? { kind: "direct" } : defaultVia) };
}

/** Whether a tunnel speaks WireGuard's protocol, obfuscated or not. */
export function isNoiseTunnel(tunnel: Tunnel | undefined): tunnel is NoiseTunnel {
  return tunnel?.protocol === "wireguard" || tunnel?.protocol === "amneziawg";
}

/** Whether a secret stands in the configuration itself, so that it must not be stored or printed. */
export function hasInlineSecret(config: Config): boolean {
  return holdsInline(config.tunnels);
}

function holdsInline(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ("inline" in value && typeof value.inline === "string") return true;
  return Object.values(value).some(holdsInline);
}
