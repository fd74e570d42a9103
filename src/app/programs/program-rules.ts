import type { Config } from "../../config/config.ts";
import type { Fallback, Via } from "../../config/section/path.ts";
import type { Capabilities, HostFacts } from "../../host/ports/facts.ts";
import { canonicalJson } from "../../model/canonical.ts";
import type { FirewallPolicy, FlowMatch, PathRef } from "../../model/firewall/policy.ts";
import { deviceOfTunnel } from "../../model/ownership.ts";
import type { Resource } from "../../model/resource.ts";
import type { SecretId } from "../../model/secret.ts";
import { sha256Hex } from "../../model/sha256.ts";
import { matchHere } from "../../resources/expand/networks.ts";
import { type Expansion, expand } from "../../resources/expand.ts";
import { driverRegistry } from "../../resources/registry.ts";
import type { ProgramRule } from "./choose-rule.ts";
import type { ProgramMatch } from "./match-program.ts";

/** Rules in order, and what applies where none does. */
export interface RuleSet {
  readonly rules: readonly ProgramRule[];
  readonly fallThrough: ProgramRule;
}

type TunnelPath = Extract<PathRef, { kind: "tunnel" }>;

/**
 * The rules of a config as this host would enforce them. A rule it cannot enforce is `unsupported`, with the reason.
 * Pure.
 */
export function rulesOfConfig(config: Config, facts: HostFacts): RuleSet {
  const secrets = (ref: object) => sha256Hex(canonicalJson(ref)) as SecretId;
  const expansion = expand(config, facts, { pathNumbers: {}, secrets });
  const rules = config.rules.flatMap((written, index): ProgramRule[] => {
    const rule = matchHere(written, facts.networks ?? []);
    if (rule === undefined) return [];
    const { name, via, fallback, openFlows: _open, dns: _dns, limit: _limit, require: _require, ...match } = rule;
    const origin = name === undefined ? `rules/${index}` : `rules/${index} (${name})`;
    return [{ origin, match, ...pathTexts(via, fallback), ...keptAs(expansion, `rules.${index}`) }];
  });
  const { via, fallback } = config.default;
  const kept = keptAs(expansion, "default");
  return { rules, fallThrough: { origin: "default", match: {}, ...pathTexts(via, fallback), ...kept } };
}

/**
 * The rules of an accepted policy, as loaded into the kernel. Pure.
 *
 * @param accepted the resources it was accepted with, which name the tunnels of its devices
 * @param faults of the kernel's classifier, a clause each
 */
export function rulesOfPolicy(
  policy: FirewallPolicy,
  accepted: readonly Resource[],
  capabilities: Capabilities,
  faults: readonly string[],
): RuleSet {
  const { steering } = policy;
  const enforcement = driverRegistry.firewall.enforcement?.(policy, capabilities) ?? "enforced";
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels.map(({ device }) => device));
  const names = tunnelNames(accepted);
  const rule = (origin: string, match: FlowMatch, path: PathRef): ProgramRule => {
    const fallback = path.kind === "tunnel" && tunnels.length > 0 ? { fallback: fallbackText(path, names) } : {};
    const via = path.kind === "tunnel" ? (names.get(path.device) ?? path.device) : path.kind;
    const kept = keptByClass(match, capabilities, faults) ?? { enforcement };
    return { origin, match: programMatch(match), via, ...fallback, ...kept };
  };
  return {
    rules: steering.rules.map(({ origin, match, path }) => rule(origin, match, path)),
    fallThrough: rule("default", {}, steering.default),
  };
}

/** Names of tunnels and proxies by their devices. */
export function tunnelNames(accepted: readonly Resource[]): ReadonlyMap<string, string> {
  return new Map(
    accepted.flatMap((one) => {
      if (one.kind === "tunnel") return [[one.spec.device, one.key.slice("tunnel/".length)]];
      return one.kind === "proxy" ? [[deviceOfTunnel(one.spec.name), one.spec.name]] : [];
    }),
  );
}

/** What the flows of a path do while its tunnel is down: "block", "direct", "failover to backup". */
export function fallbackText({ substitutes = [], fallback }: TunnelPath, names: ReadonlyMap<string, string>): string {
  const others = [...new Set(substitutes.map(({ device }) => names.get(device) ?? device))];
  if (others.length === 0) return fallback ?? "block";
  return `failover to ${others.join(", ")}${fallback === "direct" ? ", else direct" : ""}`;
}

/** A rule by class is kept as well as sockets have classes; undefined where nothing is wrong with them. */
function keptByClass(
  { classes }: FlowMatch,
  { classifier }: Capabilities,
  faults: readonly string[],
): Pick<ProgramRule, "enforcement" | "reason"> | undefined {
  if (classes === undefined || (classifier?.ok === true && faults.length === 0)) return undefined;
  const reason = classifier?.ok === true ? faults.join("; ") : classifier?.reason;
  return { enforcement: "unsupported", reason: reason ?? "sockets have no classes here" };
}

/** A packet rule sees the user and the class of a program; any other criterion depends on the flow. */
function programMatch({ uids, classes, destinations, sets, ports, protocol }: FlowMatch): ProgramMatch {
  return {
    ...(uids === undefined ? {} : { uids }),
    ...(classes === undefined ? {} : { classes }),
    ...(destinations === undefined && sets === undefined && protocol === undefined ? {} : { destinations: [] }),
    ...(ports === undefined ? {} : { ports }),
  };
}

function pathTexts(via: Via, fallback: Fallback): Pick<ProgramRule, "via" | "fallback"> {
  if (via.kind !== "tunnel") return { via: via.kind };
  const text = fallback.kind === "failover" ? `failover to ${fallback.tunnels.join(", ")}` : fallback.kind;
  return { via: via.tunnel, fallback: text };
}

/** How the place of a configuration is kept here, from what its expansion says of it and of what lies in it. */
function keptAs({ unsupported, notes }: Expansion, place: string): Pick<ProgramRule, "enforcement" | "reason"> {
  const missing = unsupported.filter(({ path }) => path === place || path.startsWith(`${place}.`));
  if (missing.length > 0) {
    const reasons = [...new Set(missing.map(({ path, message }) => `${path.slice(place.length + 1)}: ${message}`))];
    return { enforcement: "unsupported", reason: reasons.join("; ") };
  }
  const note = notes.find(({ path, enforcement }) => path === place && enforcement !== undefined);
  if (note?.enforcement === undefined) return { enforcement: "enforced" };
  return { enforcement: note.enforcement, reason: note.message };
}
