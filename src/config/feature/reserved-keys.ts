import { wholeFolder } from "../../model/program/glob.ts";
import { type Config, isNoiseTunnel, type Match, type Tunnel } from "../config.ts";
import type { AppMatcher } from "../section/match.ts";
import type { Feature } from "./support.ts";

export interface FeatureUse {
  /** Where in the configuration, keys and positions joined with dots: `rules.0.limit`. */
  readonly path: string;
  readonly feature: Feature;
}

/** Every use of a feature that some host may lack; `FEATURE_SUPPORT` says which systems have it. */
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
      ...use("limit.priority", `rules.${index}.limit.priority`, rule.limit?.priority !== undefined),
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
    ...(match.when ?? []).flatMap(({ ssid }, index) =>
      use("match.ssid", `${path}.when.${index}.ssid`, ssid !== undefined),
    ),
    ...(["apps", "parent"] as const).flatMap((key) => programUses(`${path}.${key}`, match[key] ?? [])),
    ...(["all", "any"] as const).flatMap((key) =>
      (match[key] ?? []).flatMap((one, index) => matchUses(`${path}.${key}.${index}`, one)),
    ),
    ...(match.not === undefined ? [] : matchUses(`${path}.not`, match.not)),
  ];
}

function programUses(path: string, programs: readonly AppMatcher[]): FeatureUse[] {
  return programs.flatMap((program, index) => {
    const { kind } = program;
    if (kind === "path")
      return use(
        "match.glob",
        `${path}.${index}.path`,
        program.path.includes("*") && wholeFolder(program.path) === undefined,
      );
    return kind === "name" || kind === "dir" ? [] : use(`match.${kind}`, `${path}.${index}.${kind}`, true);
  });
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
  ] as const;
  return [
    ...sections.flatMap((key) => use(key, key, config[key] !== undefined)),
    ...use("moved", "moved", config.moved.length > 0),
    ...use("probes", "probes", config.probes.length > 0),
    ...config.probes.flatMap(({ via }, index) => use("probe.direct", `probes.${index}.via`, via?.kind === "direct")),
    ...use("conflicts", "conflicts", Object.keys(config.conflicts).length > 0),
    ...Object.entries(config.conflicts).flatMap(([field, answer]) =>
      use("conflicts.adopt", `conflicts.${field}`, answer === "adopt"),
    ),
    ...use("killSwitch.ephemeral", "killSwitch.persist", config.killSwitch.enabled && !config.killSwitch.persist),
    ...use("killSwitch.atBoot", "killSwitch.atBoot", config.killSwitch.enabled && config.killSwitch.atBoot),
    ...serverUses(config),
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

function serverUses({ dns }: Config): FeatureUse[] {
  const lists = [
    ["dns.servers", dns?.servers ?? []] as const,
    ...Object.entries(dns?.split ?? {}).map(([domain, some]) => [`dns.split.${domain}`, some] as const),
  ];
  return lists.flatMap(([path, servers]) =>
    servers.flatMap((server, index) => use("dns.encrypted", `${path}.${index}`, typeof server !== "string")),
  );
}
