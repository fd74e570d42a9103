import { type Hook, POSSIBLE } from "../policy/possible-packets.ts";
import { JudgedMemory } from "./judged-memory.ts";
import { sendThrough } from "./packet-paths.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";

/** The hooks with rules that add to the sets of judged flows. */
const LEAVING: readonly Hook[] = ["output", "forward"];

/**
 * Adds the possible contents of awg's sets of judged flows to the question (S5.6).
 *
 * A set is empty when it is loaded, so only rules add elements. The walk is repeated until it adds no more.
 */
export function withJudgedFlows(asked: FamilyQuestion): FamilyQuestion {
  const { own, space } = asked;
  const steps = own.flatMap(({ rules }) => [...rules.values()].flat().flatMap((rule) => rule.steps));
  if (!steps.some(({ kind }) => kind === "remember")) return asked;
  for (let judged = new JudgedMemory(space); ; judged = new JudgedMemory(space, judged)) {
    for (const hook of LEAVING) sendThrough({ ...asked, judged }, own, hook, space.ofFormula(POSSIBLE[hook]));
    if (judged.isComplete) return { ...asked, judged };
  }
}
