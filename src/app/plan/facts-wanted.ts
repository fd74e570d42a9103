import { type Config, isNoiseTunnel } from "../../config/config.ts";
import { nestedMatches } from "../../config/section/nested-matches.ts";
import type { FactsWanted } from "../../host/ports/facts.ts";
import { parseIp } from "../../model/ip.ts";
import { deviceOfTunnel } from "../../model/ownership.ts";
import { devicePointer } from "../../model/resources/lifecycle.ts";
import type { SecretRef } from "../../model/secret.ts";

/** Users and host names in a configuration that the host's facts must resolve. */
export function factsWantedBy(config: Config): FactsWanted {
  const claims = (config.invariants ?? []).flatMap(({ never, always }) => never ?? always ?? []);
  const matches = [...(config.rules ?? []), ...claims].flatMap(nestedMatches);
  const endpoints = Object.values(config.tunnels).flatMap((tunnel) =>
    isNoiseTunnel(tunnel) ? tunnel.peers.flatMap(({ endpoint }) => endpoint?.host ?? []) : [tunnel.server.host],
  );
  const devices = Object.entries(config.tunnels).flatMap(([key, tunnel]) =>
    isNoiseTunnel(tunnel) && config.conflicts?.[devicePointer(key)] === "adopt"
      ? (tunnel.interface ?? deviceOfTunnel(key))
      : [],
  );
  const programs = matches.flatMap(({ apps = [], parent = [] }) =>
    [...apps, ...parent].flatMap((app) => (app.kind === "path" && !app.path.includes("*") ? app.path : [])),
  );
  return {
    users: unique(matches.flatMap(({ users }) => users ?? [])),
    hosts: unique(endpoints.filter((host) => parseIp(host) === undefined)),
    endpoints: unique(endpoints.filter((host) => parseIp(host) !== undefined)),
    bootstrap: config.dns?.bootstrap ?? [],
    ...(devices.length === 0 ? {} : { devices }),
    ...(programs.length === 0 ? {} : { programs: unique(programs) }),
    ...(matches.some(({ when }) => when !== undefined) ? { networks: true } : {}),
    ...(config.rules?.some(({ limit }) => limit !== undefined) ? { rates: "filter" as const } : {}),
  };
}

/** A secret that a configuration names. Private keys are clamped before they get their id, as every engine reports them. */
export interface NamedSecret {
  readonly ref: SecretRef;
  readonly isPrivateKey: boolean;
  /** A password, and not a key in base64. */
  readonly isText?: true;
}

/** Every secret that a configuration names. */
export function secretsOf(config: Config): readonly NamedSecret[] {
  return Object.values(config.tunnels).flatMap((tunnel): NamedSecret[] => {
    if (!isNoiseTunnel(tunnel)) {
      return tunnel.auth === undefined ? [] : [{ ref: tunnel.auth.password, isPrivateKey: false, isText: true }];
    }
    const { privateKey, peers, obfuscation } = tunnel;
    const optional = [...peers.map(({ presharedKey }) => presharedKey), obfuscation?.headerProtectionKey];
    const shared = optional.filter((ref) => ref !== undefined);
    return [{ ref: privateKey, isPrivateKey: true }, ...shared.map((ref) => ({ ref, isPrivateKey: false }))];
  });
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}
