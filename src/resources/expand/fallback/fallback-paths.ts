import type { Rule } from "../../../config/section/rule.ts";
import type { FlowMatch, FlowRule, PathRef, Substitute } from "../../../model/firewall/policy.ts";
import { type DesiredState, STANDBY_MODES, type StandbyMode } from "../../../model/resources/desired-state.ts";
import { type ExpandContext, pathRefOf } from "../expansion.ts";
import { intersectMatches } from "./match-intersection.ts";

/**
 * The path with what stands in for its tunnel while that is down: the tunnels of the rule's `failover`, or else those of
 * the tunnel's own; then `direct`, if the rule says so.
 */
export function fallingBack(
  path: PathRef,
  { fallback, openFlows }: Pick<Rule, "fallback" | "openFlows">,
  placed: Placed,
): PathRef {
  if (path.kind !== "tunnel") return path;
  const names = fallback.kind === "failover" ? fallback.tunnels : ownFailover(path.number, placed);
  const substitutes = names.flatMap((tunnel): Substitute[] => {
    const other = pathRefOf({ kind: "tunnel", tunnel }, placed);
    return other.kind === "tunnel" ? [{ device: other.device, number: other.number }] : [];
  });
  const kept = openFlows === "keep" ? { ...path, keepsFlows: true as const } : path;
  return withSubstitutes(fallback.kind === "direct" ? { ...kept, fallback: "direct" } : kept, substitutes);
}

type Placed = Pick<ExpandContext, "tunnels" | "proxies">;

/** The names in the `failover` of the tunnel or proxy of a path. */
function ownFailover(path: number, { tunnels, proxies }: Placed): readonly string[] {
  const { failover } =
    tunnels.find(({ number }) => number === path)?.tunnel ?? proxies.find(({ number }) => number === path)?.proxy ?? {};
  return failover?.tunnels ?? [];
}

/** A rule of the config in the form of the policy. */
export interface WrittenRules {
  readonly rules: readonly FlowRule[];
  /** Its flows use the next matching rule with a tunnel that is up. */
  readonly usesNextRule: boolean;
}

/** The rules of the config in order, those with `next_rule` with the tunnels of the later rules that they overlap. */
export function withNextRules(written: readonly WrittenRules[], rest: PathRef): FlowRule[] {
  return written.flatMap(({ rules, usesNextRule }, index) => {
    if (!usesNextRule) return rules;
    const later = [...written.slice(index + 1).flatMap((one) => one.rules), { match: {}, path: rest }];
    return rules.map((rule) => withLater(rule, later));
  });
}

function withLater(rule: FlowRule, later: readonly Pick<FlowRule, "match" | "path">[]): FlowRule {
  const { path } = rule;
  if (path.kind !== "tunnel") return rule;
  const next = later.flatMap((other): Substitute[] => {
    const match = other.path.kind === "tunnel" ? intersectMatches(rule.match, other.match) : undefined;
    if (other.path.kind !== "tunnel" || other.path.number === path.number || match === undefined) return [];
    const { device, number } = other.path;
    return [{ device, number, ...(isAll(match, rule.match) ? {} : { match }) }];
  });
  return { ...rule, path: withSubstitutes(path, [...(path.substitutes ?? []), ...next]) };
}

function isAll(match: FlowMatch, whole: FlowMatch): boolean {
  return JSON.stringify(match) === JSON.stringify(whole);
}

/** Those after the first that stands in for all flows of a tunnel are kept: it may be down too. */
function withSubstitutes(path: Extract<PathRef, { kind: "tunnel" }>, substitutes: readonly Substitute[]): PathRef {
  const distinct = new Map(substitutes.map((one) => [JSON.stringify(one), one]));
  return distinct.size === 0 ? path : { ...path, substitutes: [...distinct.values()] };
}

/**
 * How each tunnel is kept that only stands in for others, by device: as the most demanding `failover` of a tunnel that
 * names it says, else cold. Tunnels with traffic of their own are kept as any other.
 */
export function standbyOf({
  config,
  tunnels,
}: Pick<ExpandContext, "config" | "tunnels">): Pick<DesiredState, "standby"> {
  const flows = [...config.rules, config.default, ...(config.dns === undefined ? [] : [{ via: config.dns.via }])];
  const ofTunnels = Object.values(config.tunnels).flatMap(({ failover }) => (failover === undefined ? [] : [failover]));
  const ofRules = [...config.rules, config.default].flatMap(({ fallback }) =>
    fallback.kind === "failover" ? [{ tunnels: fallback.tunnels, mode: "cold" }] : [],
  );
  const named = [...ofTunnels, ...ofRules];
  const modes = tunnels.flatMap(({ key, device }): [string, StandbyMode][] => {
    const asked = named.filter((one) => one.tunnels.includes(key)).map(({ mode }) => mode);
    const mode = STANDBY_MODES.find((one) => asked.includes(one));
    const isOwn = mode !== "hot" && flows.some(({ via }) => via.kind === "tunnel" && via.tunnel === key);
    return mode === undefined || isOwn ? [] : [[device, mode]];
  });
  return modes.length === 0 ? {} : { standby: Object.fromEntries(modes) };
}
