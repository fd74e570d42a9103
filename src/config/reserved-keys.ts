import { type Config, isNoiseTunnel, type Match, type Tunnel } from "./config.ts";

/** Features that a configuration can ask for and that a machine, or this version of awg, may not have. Names are stable. */
export const FEATURES = [
  "tunnel.disabled",
  "tunnel.interface",
  "tunnel.table",
  "tunnel.fwmark",
  "tunnel.dns",
  "tunnel.forward",
  "tunnel.masquerade",
  "tunnel.failover",
  "tunnel.obfuscation",
  "tunnel.proxy",
  "tunnel.engine.embedded",
  "tunnel.engine.userspace",
  "tunnel.engine.kernel",
  "secret.keychain",
  "fallback.failover",
  "fallback.next-rule",
  "rule.limit",
  "rule.require",
  "rule.dns",
  "match.apps",
  "match.users",
  "match.cgroups",
  "match.commandLine",
  "match.parent",
  "match.when",
  "match.domain",
  "match.list",
  "match.geoip",
  "match.nested",
  "killSwitch.atBoot",
  "dns.split",
  "dns.blockEncryptedDns",
  "service",
  "systemExtension",
  "update",
  "invariants.never",
  "invariants.always",
  "lifecycle",
  "moved",
  "probes",
  "reconcile",
  "conflicts",
  "captivePortal",
  "api",
  "fleet",
  "fakeIp",
] as const;

export type Feature = (typeof FEATURES)[number];

export interface FeatureUse {
  /** Where in the configuration, keys and positions joined with dots: `rules.0.limit`. */
  readonly path: string;
  readonly feature: Feature;
}

/** Every use of a feature that some machine may lack; which ones this machine has is for others to say. */
export function reservedKeysUsed(config: Config): FeatureUse[] {
  return [...tunnelUses(config), ...ruleUses(config), ...topLevelUses(config)];
}

function use(feature: Feature, path: string, isUsed: boolean): FeatureUse[] {
  return isUsed ? [{ path, feature }] : [];
}

function tunnelUses(config: Config): FeatureUse[] {
  return Object.entries(config.tunnels).flatMap(([name, tunnel]) => {
    const path = `tunnels.${name}`;
    return [
      ...use("tunnel.disabled", `${path}.enabled`, !tunnel.enabled),
      ...use("tunnel.failover", `${path}.failover`, tunnel.failover !== undefined),
      ...use("tunnel.proxy", `${path}.protocol`, !isNoiseTunnel(tunnel)),
      ...noiseUses(path, tunnel),
      ...use("secret.keychain", path, JSON.stringify(tunnel).includes('{"keychain":')),
    ];
  });
}

function noiseUses(path: string, tunnel: Tunnel): FeatureUse[] {
  if (!isNoiseTunnel(tunnel)) return [];
  return [
    ...(["interface", "table", "fwmark", "dns"] as const).flatMap((key) =>
      use(`tunnel.${key}`, `${path}.${key}`, tunnel[key] !== undefined),
    ),
    ...use("tunnel.forward", `${path}.forward`, tunnel.forward),
    ...use("tunnel.masquerade", `${path}.masquerade`, tunnel.masquerade),
    ...use("tunnel.obfuscation", `${path}.obfuscation`, tunnel.obfuscation !== undefined),
    ...(tunnel.engine === "auto" ? [] : use(`tunnel.engine.${tunnel.engine}`, `${path}.engine`, true)),
  ];
}

function ruleUses(config: Config): FeatureUse[] {
  const paths = [
    ["default", config.default] as const,
    ...config.rules.map((rule, index) => [`rules.${index}`, rule] as const),
  ];
  return [
    ...paths.flatMap(([path, { fallback }]) => [
      ...use("fallback.failover", `${path}.fallback`, fallback.kind === "failover"),
      ...use("fallback.next-rule", `${path}.fallback`, fallback.kind === "next-rule"),
    ]),
    ...config.rules.flatMap((rule, index) => [
      ...(["limit", "require", "dns"] as const).flatMap((key) =>
        use(`rule.${key}`, `rules.${index}.${key}`, rule[key] !== undefined),
      ),
      ...matchUses(`rules.${index}`, rule),
    ]),
  ];
}

function matchUses(path: string, match: Match): FeatureUse[] {
  const fields = ["apps", "users", "cgroups", "commandLine", "parent", "when"] as const;
  const isNested = match.all !== undefined || match.any !== undefined || match.not !== undefined;
  return [
    ...fields.flatMap((key) => use(`match.${key}`, `${path}.${key}`, match[key] !== undefined)),
    ...(match.destinations ?? []).flatMap(({ kind }, index) =>
      kind === "prefix" ? [] : use(`match.${kind}`, `${path}.destinations.${index}`, true),
    ),
    ...use("match.nested", path, isNested),
  ];
}

function topLevelUses(config: Config): FeatureUse[] {
  const sections = [
    "service",
    "systemExtension",
    "update",
    "lifecycle",
    "reconcile",
    "captivePortal",
    "api",
    "fleet",
    "fakeIp",
  ] as const;
  return [
    ...sections.flatMap((key) => use(key, key, config[key] !== undefined)),
    ...use("moved", "moved", config.moved.length > 0),
    ...use("probes", "probes", config.probes.length > 0),
    ...use("conflicts", "conflicts", Object.keys(config.conflicts).length > 0),
    ...use("killSwitch.atBoot", "killSwitch.atBoot", config.killSwitch.atBoot),
    ...use("dns.split", "dns.split", Object.keys(config.dns?.split ?? {}).length > 0),
    ...use("dns.blockEncryptedDns", "dns.blockEncryptedDns", config.dns?.blockEncryptedDns === true),
    ...config.invariants.flatMap(({ never, always }, index) => [
      ...use("invariants.never", `invariants.${index}.never`, never !== undefined),
      ...(never === undefined ? [] : matchUses(`invariants.${index}.never`, never)),
      ...use("invariants.always", `invariants.${index}.always`, always !== undefined),
      ...(always === undefined ? [] : matchUses(`invariants.${index}.always`, always)),
    ]),
  ];
}
