import type { VerifyFinding } from "../../../../model/verify/finding.ts";
import type { Expression } from "../../../../native/linux/nftables/expression.ts";
import { type BaseChain, baseChainsAt } from "../read-tables.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";
import { canRefuse } from "./verify-writes.ts";

/** The last byte of IPv4's header without options, and of IPv6's without extensions (RFC 791, RFC 8200). */
const LAST_OF_HEADERS = [19, 39];

/**
 * S9.6: before the chain that judges frames at a device stands one of awg's that has the kernel copy what they are judged by, the IP
 * headers at least. Asked by the chains alone: what becomes of a frame meanwhile no set of packets shows.
 */
export function verifyHeld({ own, question }: Pick<FamilyQuestion, "own" | "question">): VerifyFinding[] {
  return question.framed.flatMap((device): VerifyFinding[] => {
    const chains = baseChainsAt(own, "egress", device);
    const judging = chains.find(canRefuse);
    if (judging === undefined) return [];
    const before = chains.filter(({ base }) => base.priority < judging.base.priority);
    if (before.some(copiesHeaders)) return [];
    const message = `a frame out of a ring that its sender maps leaves by ${device} as it was changed behind the judgement: nothing copies what the chain ${judging.name} judges it by (S9.6)`;
    return [{ kind: "leak", message, rules: [] }];
  });
}

/** Whether its own rules copy either header; what comes behind them is held by other chains, which count from there on. */
function copiesHeaders({ table, name }: BaseChain): boolean {
  const copied = (table.table.chains.get(name)?.rules ?? []).flatMap(({ expressions }) =>
    expressions.flatMap((one, index) =>
      one.kind === "payload-set" && isOverItself(one, expressions[index - 1]) ? [one.offset + one.length - 1] : [],
    ),
  );
  return LAST_OF_HEADERS.every((last) => copied.includes(last));
}

/** Writes bytes as they are, for which the kernel copies all up to there (nft_payload_set_eval: skb_ensure_writable). */
function isOverItself(written: Extract<Expression, { kind: "payload-set" }>, read: Expression | undefined): boolean {
  if (read?.kind !== "payload" || written.source !== read.register || written.base !== "network") return false;
  return written.base === read.base && written.offset === read.offset && written.length === read.length;
}
