import { type Hook, POSSIBLE } from "../policy/possible-packets.ts";
import { JudgedMemory } from "./judged-memory.ts";
import { sendThrough } from "./packet-paths.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";

/** Packets that leave pass the rules that remember verdicts. */
const LEAVING: readonly Hook[] = ["output", "forward"];

/**
 * The question with what awg's sets of judged flows may hold (S5.6): the keys of all packets that can come to a rule that
 * adds them. A set is empty when it is loaded, so its elements come from these rules alone; the walk is repeated until it
 * adds no more.
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
