import type { VerifyFinding } from "../../../../model/verify/finding.ts";
import type { Expression } from "../../../../native/linux/nftables/expression.ts";
import { type BaseChain, baseChainsAt, chainsFrom } from "../read-tables.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";
import { canRefuse } from "./verify-writes.ts";

/**
 * S9.6: before the chain that judges frames at a device stands one of awg's that has the kernel copy what they are judged by. Asked
 * by the chains alone: what becomes of a frame meanwhile no set of packets shows.
 */
export function verifyHeld({ own, question }: Pick<FamilyQuestion, "own" | "question">): VerifyFinding[] {
  return question.framed.flatMap((device): VerifyFinding[] => {
    const chains = baseChainsAt(own, "egress", device);
    const judging = chains.find(canRefuse);
    if (judging === undefined) return [];
    const before = chains.filter(({ base }) => base.priority < judging.base.priority);
    if (before.some(copies)) return [];
    const message = `a frame out of a ring that its sender maps leaves by ${device} as it was changed behind the judgement: nothing copies what the chain ${judging.name} judges it by (S9.6)`;
    return [{ kind: "leak", message, rules: [] }];
  });
}

function copies({ table, name }: BaseChain): boolean {
  return [...chainsFrom(table, [name])].some((chain) =>
    (table.table.chains.get(chain)?.rules ?? []).some(({ expressions }) => expressions.some(isOverItself)),
  );
}

/** Writes bytes as they are, for which the kernel copies all up to there (nft_payload_set_eval: skb_ensure_writable). */
function isOverItself(written: Expression, index: number, expressions: readonly Expression[]): boolean {
  const read = expressions[index - 1];
  if (written.kind !== "payload-set" || read?.kind !== "payload" || written.source !== read.register) return false;
  return written.base === read.base && written.offset === read.offset && written.length === read.length;
}
