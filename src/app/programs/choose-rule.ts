import type { Program } from "../../model/program/program.ts";
import type { Enforcement } from "../../model/resource.ts";
import { matchProgram, type ProgramContext, type ProgramMatch } from "./match-program.ts";

/** A rule as it matters to a program. */
export interface ProgramRule {
  /** As the policy names it: "rules/2 (browser)", "default". */
  readonly origin: string;
  readonly match: ProgramMatch;
  /** A tunnel, "direct" or "block". */
  readonly via: string;
  /** While the tunnel is down; absent where there is nothing to say. */
  readonly fallback?: string;
  /** How this host enforces the rule. */
  readonly enforcement: Enforcement;
  /** Why it is kept no better. */
  readonly reason?: string;
}

/** The rules of a program: the first that certainly applies, and those before it that may. */
export interface ChosenRule {
  readonly rule: ProgramRule;
  readonly perhaps: readonly { readonly rule: ProgramRule; readonly why: "depends" | "unknown" }[];
}

/** The rule of a list for a program: first match wins, else `fallThrough`. Pure. */
export function chooseRule(
  rules: readonly ProgramRule[],
  fallThrough: ProgramRule,
  program: Program,
  around: ProgramContext,
): ChosenRule {
  const perhaps: { rule: ProgramRule; why: "depends" | "unknown" }[] = [];
  for (const rule of rules) {
    const verdict = matchProgram(rule.match, program, around);
    if (verdict === "yes") return { rule, perhaps };
    const isReported = perhaps.some((one) => one.rule.origin === rule.origin);
    if (verdict !== "no" && !isReported) perhaps.push({ rule, why: verdict });
  }
  return { rule: fallThrough, perhaps };
}
