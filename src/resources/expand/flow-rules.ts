import type { Rule } from "../../config/config.ts";
import { ruleOrigin } from "../../config/rule-origin.ts";
import type { Fallback } from "../../config/section/path.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { FlowRule, PathRef } from "../../model/firewall/policy.ts";
import { MOST_LIMITS } from "../../model/ownership.ts";
import type { ClassifierSpec } from "../../model/program/classifier.ts";
import type { Enforcement } from "../../model/resource.ts";
import { hasPacketFilter } from "../packet-filter.ts";
import { type ExpandContext, type Note, pathRefOf } from "./expansion.ts";
import { fallingBack, withNextRules } from "./fallback/fallback-paths.ts";
import { limitOf, priorityNotes } from "./limits.ts";
import { destinationPrefixes, listNotes, nameSetFor } from "./names/destinations.ts";
import { encryptedDnsRules, encryptedServerRules } from "./names/encrypted-dns.ts";
import { tunnelServerRules } from "./names/tunnel-servers.ts";
import { matchHere } from "./networks.ts";
import { BY_SOCKET, classedRules, classesFor, type ExpandedRule, withUids } from "./programs/classed-rules.ts";
import { type MatchAlternative, matchAlternatives, UnwritableMatch } from "./programs/match-alternatives.ts";
import { hasPattern, isAnchored, type UsersOf } from "./programs/program-condition.ts";
import { scriptNotes } from "./programs/script-notes.ts";
import { withUnclassified } from "./programs/unclassified-rules.ts";
import { othersNote, uidRanges } from "./user-ranges.ts";

const ORDER: readonly Enforcement[] = ["enforced", "best-effort", "advisory", "unsupported"];

/** The rules of the packet policy, in order, and the classifier that they need. */
export interface FlowRules {
  readonly rules: readonly FlowRule[];
  readonly classifier?: ClassifierSpec;
  /** How each rule of the config is enforced. */
  readonly notes: readonly Note[];
}

/**
 * The rules of the config in the form of the packet policy, in order.
 *
 * @param last the classifier of the last accepted state
 */
export function flowRules(context: ExpandContext, last?: ClassifierSpec): FlowRules {
  const expanded = context.config.rules.map((rule, index) => expandRule(rule, index, context));
  if (expanded.filter(({ limit }) => limit !== undefined).length > MOST_LIMITS)
    context.unsupported.push({ path: "rules", message: `at most ${MOST_LIMITS} rules can have a limit` });
  const { classes, notes: classNotes } = classesFor(expanded, context, last);
  const notes = [...expanded.flatMap((rule) => rule.notes), ...classNotes];
  const classed = expanded.map(({ alternatives, ...rule }) => ({
    ...rule,
    rules: alternatives.flatMap((alternative) => classedRules(rule, alternative, classes)),
  }));
  const { via, fallback } = context.config.default;
  const written = classed.map(({ rules, usesNextRule }) => ({ rules: rules.map(({ rule }) => rule), usesNextRule }));
  const ordered = withNextRules(written, fallback.kind === "drop" ? BLOCK : pathRefOf(via, context));
  const strict = classed.flatMap(({ rules }) => rules.map((one) => one.strict));
  const rules = [
    ...(context.config.ipv6 === "block" ? [NO_IPV6] : []),
    ...tunnelServerRules(context),
    ...encryptedServerRules(context),
    ...encryptedDnsRules(context),
    ...(context.config.killSwitch.enabled ? withUnclassified(ordered, strict) : ordered),
  ];
  return { rules, notes, ...(classes === undefined ? {} : { classifier: classes.spec }) };
}

const BLOCK: PathRef = { kind: "block" };

/** `ipv6: block` refuses IPv6 on every path; NDP and DHCPv6, which keep a link alive, are judged before (S2). */
const NO_IPV6: FlowRule = { origin: "ipv6", match: { destinations: ["::/0"] }, path: { kind: "block" } };

/** The path of traffic that no rule matches. The fallback `drop` means always dropped. */
export function defaultPath(context: ExpandContext): PathRef {
  const { via, fallback } = context.config.default;
  if (via.kind === "tunnel" && fallback.kind === "drop") return BLOCK;
  return fallingBack(pathRefOf(via, context), context.config.default, context);
}

/** What becomes of that traffic while its tunnel is down. */
export function defaultNotes({ config, facts }: ExpandContext): Note[] {
  const { via, fallback } = config.default;
  if (via.kind !== "tunnel" || fallback.kind === "drop") return [];
  const path = "default";
  return [
    ...(fallback.kind === "direct" ? [{ path, ...directFallback(facts) }] : []),
    ...(usesOtherTunnels(via.tunnel, fallback, { config }) ? [{ path, ...otherTunnels(facts) }] : []),
  ];
}

/** Whether other tunnels may stand in for this one. */
function usesOtherTunnels(tunnel: string, { kind }: Fallback, { config }: Pick<ExpandContext, "config">): boolean {
  if (kind === "failover" || kind === "next-rule") return true;
  return config.tunnels[tunnel]?.failover !== undefined;
}

function otherTunnels({ capabilities }: Pick<HostFacts, "capabilities">): Judgement {
  if (!capabilities.nftables && capabilities.pf === true) {
    return {
      message: "macOS has no failover: with the kill switch on, this traffic is dropped while the tunnel is down",
      enforcement: "advisory",
    };
  }
  return {
    message: "while the tunnel is down it uses another tunnel if a daemon runs, and is dropped otherwise",
    enforcement: "best-effort",
  };
}

/** PF has no timeouts: a fallback would stay in force after the daemon's death (rule S13.10). */
function directFallback({ capabilities }: Pick<HostFacts, "capabilities">): Judgement {
  if (!capabilities.nftables && capabilities.pf === true) {
    return {
      message: "macOS has no fallback: with the kill switch on, this traffic is dropped while the tunnel is down",
      enforcement: "advisory",
    };
  }
  return {
    message: "while the tunnel is down it goes direct if a daemon runs, and is dropped otherwise",
    enforcement: "best-effort",
  };
}

function expandRule(written: Rule, index: number, context: ExpandContext): ExpandedRule {
  const { facts, unsupported } = context;
  const here = matchHere(written, facts.networks ?? []);
  const rule = here ?? written;
  const path: PathRef =
    rule.via.kind === "tunnel" && rule.fallback.kind === "drop"
      ? { kind: "block" }
      : fallingBack(pathRefOf(rule.via, context), rule, context);
  const origin = ruleOrigin(rule, index);
  const usesNextRule = rule.fallback.kind === "next-rule";
  const nothing = { origin, path, usesNextRule, alternatives: [] };
  if (here === undefined) {
    const message = "not in force: this host is in another network";
    return { ...nothing, notes: [{ path: `rules.${index}.when`, message }] };
  }
  const users = new Set<string>();
  const found = tryAlternatives(rule, path, users, context);
  const userNotes = [...users].map((message) => ({ path: `rules.${index}.users`, message }));
  if (typeof found === "string") {
    unsupported.push({ path: `rules.${index}`, message: found });
    return { ...nothing, notes: userNotes };
  }
  const alternatives = found.flatMap(withUids);
  const notes = [
    ...userNotes,
    ...listNotes(rule, index, context),
    ...scriptNotes(rule, index, context),
    judgeEnforcement(rule, index, alternatives, context),
  ];
  const { classifier } = facts.capabilities;
  if (classifier?.ok === true && classifier.noPatterns !== undefined && alternatives.some(asksPatterns)) {
    unsupported.push({ path: `rules.${index}`, message: classifier.noPatterns });
    return { ...nothing, notes };
  }
  if (
    classifier?.ok === true ||
    alternatives.every(({ program, uids }) => program === undefined || uids !== undefined)
  ) {
    return {
      ...nothing,
      alternatives,
      ...limitOf(rule, index, context),
      notes: [...notes, ...priorityNotes(rule, index, context)],
    };
  }
  const why = classifier === undefined ? "it has no classifier of sockets" : classifier.reason;
  unsupported.push({ path: `rules.${index}`, message: `this host cannot distinguish programs: ${why}` });
  return { ...nothing, notes };
}

function asksPatterns({ program }: MatchAlternative): boolean {
  return program !== undefined && hasPattern(program);
}

/** @param notes gets what a person should know about the users that the rule names */
function tryAlternatives(
  rule: Rule,
  path: PathRef,
  notes: Set<string>,
  context: ExpandContext,
): MatchAlternative[] | string {
  try {
    return matchAlternatives(rule, {
      usersOf: (isNegated) => usersIn(grantsDirect(path) !== isNegated, notes, context),
      prefixesOf: (destinations) => destinationPrefixes(destinations, context.lists),
      nameSetOf: (destinations) => nameSetFor(destinations, context.lists)?.set,
    });
  } catch (error) {
    if (error instanceof UnwritableMatch) return error.message;
    throw error;
  }
}

function grantsDirect(path: PathRef): boolean {
  return path.kind === "direct" || (path.kind === "tunnel" && path.fallback === "direct");
}

/** The uids of users, with notes about users that do not exist or are not named. */
function usersIn(own: boolean, notes: Set<string>, { facts }: ExpandContext): UsersOf {
  return (users) => {
    const { ranges, unknown, others } = uidRanges(users, facts, { own });
    for (const user of unknown) notes.add(`no user ${user} on this host`);
    if (ranges.length > 0 && others.length > 0) notes.add(othersNote(others, { own }));
    return ranges.map(({ from, to }) => [from, to]);
  };
}

/** How the rule is enforced; a rule that requires more is unsupported here. */
function judgeEnforcement(
  rule: Rule,
  index: number,
  alternatives: ExpandedRule["alternatives"],
  context: ExpandContext,
): Note {
  const path = `rules.${index}`;
  const canMatch = alternatives.length > 0;
  const { enforcement, message: kept } = isByNameOnly(rule, alternatives, context)
    ? BY_NAME_ONLY
    : byDomain(alternatives, bySocket(alternatives, judgeRule(rule, canMatch, context), context));
  const isWarning = !canMatch || enforcement === "advisory";
  if (rule.require !== undefined && ORDER.indexOf(enforcement) > ORDER.indexOf(rule.require)) {
    const message = `this host keeps the rule ${enforcement} only, and ${rule.require} is required`;
    context.unsupported.push({ path: `${path}.require`, message });
  }
  return { path, message: kept, enforcement, ...(isWarning ? { isWarning } : {}) };
}

type Judgement = Required<Pick<Note, "message" | "enforcement">>;

const BY_NAME_ONLY: Judgement = {
  enforcement: "advisory",
  message: "any program can match this and go direct; name a path, folder, user or control group",
};

/** Without a classifier a packet of a user is known by its socket; what has none may take the direct path. */
function bySocket(
  alternatives: ExpandedRule["alternatives"],
  judged: Judgement,
  { facts: { capabilities } }: ExpandContext,
): Judgement {
  const isBySocket = alternatives.some(({ uids }) => uids !== undefined) && capabilities.classifier?.ok !== true;
  return isBySocket && capabilities.nftables && judged.enforcement === "enforced" ? BY_SOCKET : judged;
}

/** A rule by domain is kept no better than its resolver knows the names. */
function byDomain(alternatives: ExpandedRule["alternatives"], judged: Judgement): Judgement {
  const isByDomain = alternatives.some(({ sets }) => sets !== undefined);
  if (!isByDomain || judged.enforcement !== "enforced") return judged;
  return {
    enforcement: "best-effort",
    message: "matches the addresses that awg's resolver found; programs with DNS of their own are not seen",
  };
}

/** Whether the rule grants the direct path to a program that only its name identifies. */
function isByNameOnly(rule: Rule, alternatives: ExpandedRule["alternatives"], { config }: ExpandContext): boolean {
  const grants = rule.via.kind === "direct" || (rule.via.kind === "tunnel" && rule.fallback.kind === "direct");
  if (!grants || config.default.via.kind === "direct") return false;
  return alternatives.some(({ program }) => program !== undefined && !isAnchored(program));
}

function judgeRule(
  rule: Rule,
  canMatch: boolean,
  { facts: { capabilities }, config }: Pick<ExpandContext, "facts" | "config">,
): Judgement {
  if (!hasPacketFilter(capabilities)) {
    return { enforcement: "unsupported", message: "this host has no packet filter that awg can use" };
  }
  if (!canMatch) {
    const why = rule.users === undefined ? "nothing fulfils all of its conditions" : "none of its users exists";
    return { enforcement: "enforced", message: `matches nothing here: ${why}` };
  }
  if (rule.via.kind === "tunnel" && rule.fallback.kind === "direct") return directFallback({ capabilities });
  if (rule.via.kind === "tunnel" && rule.fallback.kind !== "drop") {
    if (usesOtherTunnels(rule.via.tunnel, rule.fallback, { config })) return otherTunnels({ capabilities });
  }
  if (rule.via.kind !== "block" && rule.protocol?.some((name) => name !== "tcp" && name !== "udp") === true) {
    const message =
      "enforced by the filter, but routes select TCP and UDP only: packets may get another path's source address and be dropped";
    return { enforcement: "best-effort", message };
  }
  if (!capabilities.egressHook && rule.via.kind !== "direct") {
    return { enforcement: "best-effort", message: "enforced by the kernel, except for raw frames that root sends" };
  }
  return { enforcement: "enforced", message: "enforced by the kernel" };
}
