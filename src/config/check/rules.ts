import { quote } from "../field/leaf.ts";
import { type AppMatcher, MATCH_KEYS, type Match } from "../section/match.ts";
import type { Rule } from "../section/rule.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Each rule is valid by itself. */
export function checkRules(context: CheckContext): void {
  const names = new Map<string, number>();
  for (const [index, rule] of context.config.rules.entries()) {
    const path = ["rules", index];
    if (context.isUntouched(path)) checkHasMatch(context, path, rule);
    checkMatch(context, path, rule);
    checkDirectByName(context, path, rule);
    checkPriority(context, path, rule);
    const first = rule.name === undefined ? undefined : names.get(rule.name);
    if (first !== undefined) {
      context.report(
        "duplicate-rule-name",
        [...path, "name"],
        `rule ${first + 1} has the same name`,
        "use unique names",
      );
    } else if (rule.name !== undefined) names.set(rule.name, index);
  }
  for (const [index, invariant] of context.config.invariants.entries()) {
    const path = ["invariants", index];
    const claims = (["never", "always"] as const).filter((key) => invariant[key] !== undefined);
    if (claims.length !== 1 && context.isUntouched(path)) {
      context.report(
        "one-key",
        path,
        `the invariant has ${claims.length} claims`,
        "use exactly one of never and always",
      );
    }
    for (const key of claims) checkMatch(context, [...path, key], invariant[key] ?? {});
  }
}

/** What a tunnel or proxy carries waits in the one queue of its engine or relay. */
function checkPriority(context: CheckContext, path: NodePath, { via, limit }: Rule): void {
  const { priority = "normal" } = limit ?? {};
  if (priority === "normal" || via.kind === "direct" || !context.isUntouched([...path, "via"])) return;
  const message = `${quote(priority)} has no effect on this path: only the uplink's queue sorts packets`;
  context.report("limit-priority-path", [...path, "limit", "priority"], message, "use it with via: direct");
}

/** Protocols with ports. */
const WITH_PORTS: readonly string[] = ["tcp", "udp", "sctp"];

/** The protocols without ports, if the rule has ports. */
export function protocolWithoutPorts(protocols: readonly string[], hasPorts: boolean): string | undefined {
  return hasPorts ? protocols.find((protocol) => !WITH_PORTS.includes(protocol)) : undefined;
}

function checkHasMatch(context: CheckContext, path: NodePath, rule: Rule): void {
  if (MATCH_KEYS.some((key) => rule[key] !== undefined)) return;
  const remedy = "add apps, destinations or another match, or make it the default";
  context.report("rule-without-match", path, "the rule matches everything", remedy);
}

function checkMatch(context: CheckContext, path: NodePath, match: Match, isNegated = false): void {
  for (const key of ["ports", "protocol"] as const) {
    if (!isNegated || match[key] === undefined) continue;
    const remedy = `name the ${key} that the rule is for`;
    context.report("rule-not-ports", [...path, key], `not cannot hold ${key}`, remedy);
  }
  const portless = protocolWithoutPorts(match.protocol ?? [], match.ports !== undefined);
  if (portless !== undefined) {
    context.report(
      "ports-without-protocol",
      [...path, "ports"],
      `${portless} has no ports`,
      "remove the ports or the protocol",
    );
  }
  for (const key of ["all", "any"] as const) {
    for (const [index, inner] of (match[key] ?? []).entries())
      checkMatch(context, [...path, key, index], inner, isNegated);
  }
  if (match.not !== undefined) checkMatch(context, [...path, "not"], match.not, !isNegated);
}

/**
 * Any program can be named "firefox" or contain a bundle identifier. Only properties that the kernel or a signature
 * proves may grant the direct path.
 */
function checkDirectByName(context: CheckContext, path: NodePath, rule: Rule): void {
  if (context.config.default.via.kind === "direct" || !context.isUntouched(["default"])) return;
  const key = rule.via.kind === "direct" ? "via" : rule.fallback.kind === "direct" ? "fallback" : undefined;
  const isBound = [rule.users, rule.cgroups, rule.destinations].some((field) => field !== undefined);
  const [named] = rule.apps?.flatMap((app) => nameIn(app) ?? []) ?? [];
  if (key === undefined || isBound || named === undefined) return;
  const message = `any program named ${quote(named)} gets the direct path, and any program can take that name`;
  context.report("rule-direct-by-name", [...path, key], message, "match a path; a name is only advisory");
}

/** Properties that any program can have; undefined if the rule matches more than those. */
function nameIn(app: AppMatcher): string | undefined {
  switch (app.kind) {
    case "name":
      return app.name;
    case "contains":
      return app.contains;
    case "regex":
      return app.regex;
    case "bundleId":
      return app.bundleId;
    default:
      return undefined;
  }
}
