import { LAST_UID } from "../firewall/packet.ts";
import type { ClassSet, FirewallPolicy, FlowMatch, FlowRule, PathRef, Steering } from "../firewall/policy.ts";
import { ORPHANED, UNCLASSIFIED } from "../ownership.ts";

/** Whether a rule asks for the class of the program (S4.13). */
export function asksClasses({ steering, layers }: FirewallPolicy): boolean {
  return rulesOf({ steering, layers }).some(({ match }) => match.classes !== undefined);
}

/** Whether a rule is for packets without a class. */
export function asksUnclassified({ steering, layers }: FirewallPolicy): boolean {
  return rulesOf({ steering, layers }).some(({ match: { classes } }) => isForUnclassified(classes));
}

/** Whether packets without a class can be among these. */
export function isForUnclassified(classes: ClassSet | undefined): boolean {
  return [UNCLASSIFIED, ORPHANED].some((number) => classes !== undefined && isInClasses(classes, number));
}

/** Whether a class is one of these. */
export function isInClasses(classes: ClassSet, number: number): boolean {
  return "in" in classes ? classes.in.includes(number) : !classes.otherThan.includes(number);
}

/** Whether the verdict on a socket without a class depends on its user. */
export function asksUsersOfUnclassified(policy: FirewallPolicy): boolean {
  return rulesOf(policy).some(({ match: { uids, classes } }) => uids !== undefined && isUnclassified(classes));
}

/** Whether the verdict on any other socket depends on its user: no classifier distinguishes users. */
export function asksUsersAlone(policy: FirewallPolicy): boolean {
  return rulesOf(policy).some(({ match: { uids, classes } }) => uids !== undefined && !isUnclassified(classes));
}

function isUnclassified(classes: ClassSet | undefined): boolean {
  return classes !== undefined && "in" in classes && classes.in.every((number) => number === UNCLASSIFIED);
}

/** The rules for what this host forwards, which is of no program. */
export function steeringOfGuests({ rules, default: rest }: Steering): Steering {
  const ofGuests = rules.filter(({ match }) => match.classes === undefined);
  const path = (one: PathRef) => withSubstitutes(one, (match) => (match.classes === undefined ? [match] : []));
  return { rules: ofGuests.map((rule) => ({ ...rule, path: path(rule.path) })), default: path(rest) };
}

/** The rules for raw frames. They have no class: what a program sends is of a program without one. */
export function steeringOfFrames({ rules, default: rest }: Steering): Steering {
  const path = (one: PathRef) => withSubstitutes(one, matchesOfFrames);
  return {
    rules: rules.flatMap((rule) =>
      matchesOfFrames(rule.match).map((match) => ({ ...rule, match, path: path(rule.path) })),
    ),
    default: path(rest),
  };
}

function matchesOfFrames(given: FlowMatch): FlowMatch[] {
  const { classes, ...match } = given;
  if (classes === undefined) return [given];
  return isInClasses(classes, UNCLASSIFIED) ? [{ uids: [{ from: 0, to: LAST_UID }], ...match }] : [];
}

/** The path with the substitutes for a part of its flows whose match can hold. */
function withSubstitutes(path: PathRef, matches: (match: FlowMatch) => readonly FlowMatch[]): PathRef {
  if (path.kind !== "tunnel" || path.substitutes === undefined) return path;
  const substitutes = path.substitutes.flatMap((one) =>
    one.match === undefined ? [one] : matches(one.match).map((match) => ({ ...one, match })),
  );
  return { ...path, substitutes };
}

function rulesOf({ steering, layers }: FirewallPolicy): readonly FlowRule[] {
  return [steering, ...layers.map(({ flows }) => flows)].flatMap(({ rules }) => rules);
}
