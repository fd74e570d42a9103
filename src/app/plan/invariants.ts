import type { Config, Destination } from "../../config/config.ts";
import type { PathClaim } from "../../config/section/root.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import { AwgError } from "../../model/error.ts";
import type { FirewallPolicy, FlowMatch, PathRef } from "../../model/firewall/policy.ts";
import { classOfMark, UNCLASSIFIED } from "../../model/ownership.ts";
import { isInClasses } from "../../model/program/class-rules.ts";
import type { ClassifierSpec } from "../../model/program/classifier.ts";
import { conditionText } from "../../model/program/classifier-text.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { ExpandOptions, Lists } from "../../resources/expand/expansion.ts";
import { destinationPrefixes } from "../../resources/expand/names/destinations.ts";
import { matchHere } from "../../resources/expand/networks.ts";
import { knownOf } from "../../resources/expand/programs/class-numbers.ts";
import { matchAlternatives } from "../../resources/expand/programs/match-alternatives.ts";
import { possibleClasses } from "../../resources/expand/programs/program-classes.ts";
import type { ProgramCondition } from "../../resources/expand/programs/program-condition.ts";
import { uidsOf } from "../../resources/expand/programs/user-condition.ts";
import { uidRanges } from "../../resources/expand/user-ranges.ts";
import { classifierOf } from "../../resources/expand.ts";
import { describePacket } from "../../verify/finding.ts";
import { findFlow } from "../../verify/policy/find-flow.ts";

/** Conditions that a message says do not hold. */
const MOST_EXCLUDED = 2;

/** No policy: nothing is steered and nothing dropped. */
const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/**
 * Proves the invariants of a config against its policy, for every packet, also while a fallback is in force. No packet
 * of a `never` may take the forbidden path. Each packet of an `always` must take the required one.
 *
 * @throws AwgError("invariant") with one packet that breaks it and the rule that gives it that path; nothing was
 *   changed.
 */
export function proveInvariants(
  { invariants }: Config,
  { resources }: DesiredState,
  facts: HostFacts,
  lists: Lists = {},
): void {
  const policy = resources.find((resource) => resource.kind === "firewall")?.spec ?? NO_POLICY;
  const deviceOf = (tunnel: string) =>
    resources.find((resource) => resource.kind === "link" && resource.key === `link/${tunnel}`)?.spec;
  for (const [index, { name, never, always }] of invariants.entries()) {
    const written = never ?? always;
    const claim = written === undefined ? undefined : matchHere(written, facts.networks ?? []);
    if (claim === undefined) continue;
    const { via } = claim;
    const link = via.kind === "tunnel" ? deviceOf(via.tunnel) : undefined;
    const device = link !== undefined && "device" in link ? link.device : undefined;
    const isNamed = (path: PathRef) => (path.kind === "tunnel" ? path.device === device : path.kind === via.kind);
    const isOther = (path: PathRef) => path.kind !== "block" && !isNamed(path);
    // A direct rule does not cover other users' own uids (rule S4.4); every other claim is checked for them too.
    const matches = matchesOf(claim, facts, {
      lists,
      own: never === undefined && via.kind === "direct",
      ...classifierOf(resources),
    });
    const found = findFlow(policy, matches, never === undefined ? isOther : isNamed);
    if (found === undefined) continue;
    const where = name === undefined ? `invariants.${index}` : `invariants.${index} (${name})`;
    const path = via.kind === "tunnel" ? via.tunnel : via.kind;
    const goes = never === undefined ? `does not go ${path}` : `goes ${path}`;
    const packet = describePacket(found.packet);
    const program = programOf(found.packet.mark, classifierOf(resources).classifier);
    const sender = program === undefined ? "" : `; the program: ${program}`;
    throw new AwgError(
      "invariant",
      `${where} is violated: by ${found.reason} this packet ${goes}: ${packet}${sender}`,
      {
        facts: { invariant: where, packet, reason: found.reason, ...(program === undefined ? {} : { program }) },
        remedy: "change the rules or the invariant; nothing was changed",
      },
    );
  }
}

/** The sender by what decides its class, in words; undefined for a socket without a class. */
function programOf(mark: number, spec: ClassifierSpec | undefined): string | undefined {
  const found = spec?.classes.find(({ number }) => number === classOfMark(mark));
  if (spec === undefined || found === undefined) return undefined;
  const { held, failed } = knownOf(found, spec);
  if (held.length === 0) return "one that no rule names";
  const texts = spec.conditions.map((condition) => conditionText(condition, spec.atoms));
  const excluded = failed.slice(0, MOST_EXCLUDED).map((position) => `not (${texts[position]})`);
  const more = failed.length > MOST_EXCLUDED ? ["…"] : [];
  return [...held.map((position) => texts[position]), ...excluded, ...more].join(", ");
}

/**
 * The claim's match as flows, one for each protocol; an unknown user sends nothing. A program sends what a socket of any
 * class may send that it can have.
 */
function matchesOf(
  claim: PathClaim,
  facts: HostFacts,
  { own, lists, classifier }: { readonly own: boolean; readonly lists: Lists } & Pick<ExpandOptions, "classifier">,
): FlowMatch[] {
  const usersOf = (isNegated: boolean) => (users: readonly string[]) =>
    uidRanges(users, facts, { own: own !== isNegated }).ranges.map(({ from, to }) => [from, to] as const);
  const prefixesOf = (destinations: readonly Destination[]) => destinationPrefixes(destinations, lists);
  return matchAlternatives(claim, { usersOf, prefixesOf }).flatMap(({ program, protocols, ...traffic }) => {
    const senders = program === undefined ? [{}] : sendersOf(program, classifier);
    return senders.flatMap((sender) =>
      (protocols ?? [undefined]).map((protocol) => ({
        ...traffic,
        ...sender,
        ...(protocol === undefined ? {} : { protocol }),
      })),
    );
  });
}

/** A user's socket has one of the classes that are possible for the user, or none. */
function sendersOf(program: ProgramCondition, classifier: ClassifierSpec | undefined): FlowMatch[] {
  const uids = uidsOf(program);
  if (classifier === undefined) return [uids === undefined ? {} : { uids }];
  const classes = possibleClasses(classifier, program);
  if (uids === undefined) return [{ classes }];
  const possible = classifier.classes.map(({ number }) => number).filter((number) => isInClasses(classes, number));
  return [{ uids, classes: { in: [...possible, UNCLASSIFIED] } }];
}
