import type { Config } from "./config.ts";
import { completeObfuscation } from "./section/amnezia-version.ts";
import type { Dns, DnsInput } from "./section/dns/dns.ts";
import { KILL_SWITCH_OFF } from "./section/kill-switch.ts";
import type { Via } from "./section/path.ts";
import type { RootInput } from "./section/root.ts";
import type { Tunnel, TunnelInput } from "./section/tunnel.ts";

/** Fills in values that depend on several keys: the path of DNS, a missing kill switch, versions. */
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

/** DNS uses the default path when it names none; with `block` as default only the direct path is left. */
function completeDns(dns: DnsInput, defaultVia: Via): Dns {
  return { ...dns, via: dns.via ?? (defaultVia.kind === "block" ? { kind: "direct" } : defaultVia) };
}
