import type { ClassSet, FlowMatch, FlowRule, PathRef, RuleLimit } from "../../../model/firewall/policy.ts";
import { ORPHANED, UNCLASSIFIED } from "../../../model/ownership.ts";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import type { Enforcement } from "../../../model/resource.ts";
import type { ExpandContext, Note } from "../expansion.ts";
import type { MatchAlternative } from "./match-alternatives.ts";
import { type ProgramClasses, programClasses } from "./program-classes.ts";
import { uidsOf } from "./user-condition.ts";

/** A rule of the config, with the forms in which it can match. */
export interface ExpandedRule {
  readonly origin: string;
  readonly path: PathRef;
  readonly limit?: RuleLimit;
  readonly usesNextRule: boolean;
  readonly notes: readonly Note[];
  /** `uids` beside a program that is a condition on users alone. */
  readonly alternatives: readonly (MatchAlternative & Pick<FlowMatch, "uids">)[];
}

/** How a rule for users is enforced where no classifier distinguishes them. */
export const BY_SOCKET = {
  enforcement: "best-effort" satisfies Enforcement,
  message: "enforced by the kernel, except for what it still sends for a program that has ended",
} as const;

interface FoundClasses {
  /** Absent without a condition on programs or users, and where no classifier distinguishes them. */
  readonly classes?: ProgramClasses;
  readonly notes: readonly Note[];
}

/** The classes of the programs and users that the rules name. */
export function classesFor(
  expanded: readonly ExpandedRule[],
  { facts: { capabilities }, unsupported }: ExpandContext,
  last: ClassifierSpec | undefined,
): FoundClasses {
  if (capabilities.classifier?.ok !== true) return { notes: [] };
  const alternatives = expanded.flatMap((rule) => rule.alternatives);
  const found = programClasses(alternatives, last);
  if (found === undefined) return { notes: [] };
  if (typeof found !== "string") return { classes: found, notes: [] };
  const asksPrograms = alternatives.some(({ program, uids }) => program !== undefined && uids === undefined);
  if (!asksPrograms) {
    return { notes: [{ path: "rules", ...BY_SOCKET, message: `too many users to classify: ${BY_SOCKET.message}` }] };
  }
  unsupported.push({ path: "rules", message: found });
  return { notes: [] };
}

/** A rule of the policy, and the packets without a class that its strict form is for (S4.13). */
export interface ClassedRule {
  readonly rule: FlowRule;
  readonly strict: ClassSet | undefined;
}

/** A socket without a class is matched by its user, if a rule names users alone. */
export function classedRules(
  { origin, path, limit }: Pick<ExpandedRule, "origin" | "path" | "limit">,
  { program, uids, ...traffic }: ExpandedRule["alternatives"][number],
  classes: ProgramClasses | undefined,
): ClassedRule[] {
  const of = (match: Pick<FlowMatch, "uids" | "classes">, strict?: ClassSet) =>
    rulesOf(origin, path, { ...traffic, ...match }).map(
      (rule): ClassedRule => ({
        rule: limit === undefined ? rule : { ...rule, limit },
        strict,
      }),
    );
  if (program === undefined) return of({});
  if (classes === undefined) return uids === undefined ? [] : of({ uids });
  const held = classes.classesOf(program);
  const known =
    held.length === 0 ? [] : of({ classes: { in: held } }, uids === undefined ? classes.unclassified : LOST);
  return uids === undefined ? known : [...known, ...of({ uids, classes: { in: [UNCLASSIFIED] } })];
}

const LOST: ClassSet = { in: [ORPHANED] };

/** With the uids that fulfil a condition on users alone; nothing where none does. */
export function withUids(alternative: MatchAlternative): ExpandedRule["alternatives"] {
  const uids = alternative.program === undefined ? undefined : uidsOf(alternative.program);
  if (uids === undefined) return [alternative];
  return uids.length === 0 ? [] : [{ ...alternative, uids }];
}

/** One rule for each protocol. */
function rulesOf(
  origin: string,
  path: PathRef,
  { protocols, ...common }: Omit<MatchAlternative, "program"> & Pick<FlowMatch, "uids" | "classes">,
): FlowRule[] {
  return (protocols ?? [undefined]).map((protocol) => ({
    origin,
    match: protocol === undefined ? common : { ...common, protocol },
    path,
  }));
}
