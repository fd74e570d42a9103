import type { VerifyFinding } from "../../../../model/verify/finding.ts";
import type { Expression } from "../../../../native/linux/nftables/expression.ts";
import { matchIn } from "../../../../native/linux/nftables/match.ts";
import { HELD } from "../../firewall/chain-names.ts";
import { writeHeld } from "../../firewall/chains/held-chains.ts";
import { expressionText, hexOf } from "../../firewall/reading/table-parts.ts";
import { TableWriter } from "../../firewall/table-writer.ts";
import { type BaseChain, baseChainsAt, chainsFrom } from "../read-tables.ts";
import { type RuleTable, tableOfRendered } from "../rule-table.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";
import { canRefuse } from "./verify-writes.ts";

/** The last byte of IPv4's header without options, and of IPv6's without extensions (RFC 791, RFC 8200). */
const LAST_OF_HEADERS = [19, 39];

/**
 * S9.6: before the chain that judges frames at a device stands one of awg's that has the kernel copy what they are judged by, with
 * the rules that are rendered for what that one asks. Asked by the chains alone: what becomes of a frame meanwhile no set of
 * packets shows.
 */
export function verifyHeld({ own, question }: Pick<FamilyQuestion, "own" | "question">): VerifyFinding[] {
  return question.framed.flatMap((device): VerifyFinding[] => {
    const chains = baseChainsAt(own, "egress", device);
    const judging = chains.find(canRefuse);
    if (judging === undefined) return [];
    const before = chains.filter(({ base }) => base.priority < judging.base.priority);
    if (before.some(copiesHeaders)) return showChanged(judging, before.filter(copiesHeaders), device);
    const message = `a frame out of a ring that its sender maps leaves by ${device} as it was changed behind the judgement: nothing copies what the chain ${judging.name} judges it by (S9.6)`;
    return [{ kind: "leak", message, rules: [] }];
  });
}

/** Copies of the headers stand there: whether they copy all, of each frame, tells the comparison with what awg would load. */
function showChanged(judging: BaseChain, copying: readonly BaseChain[], device: string): VerifyFinding[] {
  const expected = heldFor(judging);
  const changed = copying.map((chain) => changedChain(expected, chain));
  const [first] = changed;
  if (first === undefined || changed.includes(undefined)) return [];
  const message = `a frame out of a ring that its sender maps may leave by ${device} as it was changed behind the judgement: the rules of the chain ${first} are not those that copy what the chain ${judging.name} judges it by (S9.6)`;
  return [{ kind: "leak", message, rules: [] }];
}

/** The chains that copy, as they are rendered before the rules that judge, whose table is read. */
function heldFor({ table, name }: BaseChain): RuleTable {
  const writer = new TableWriter({ family: "netdev", name: table.table.name, owned: false, persistent: false });
  const judging = [...chainsFrom(table, [name])].flatMap((chain) => table.table.chains.get(chain)?.rules ?? []);
  for (const { chain, expressions } of judging) writer.rule(chain, [], expressions, "");
  writeHeld({ writer, match: matchIn("netdev") }, []);
  return tableOfRendered(writer.finish());
}

/** The name of the first chain whose rules are not as rendered, of a base chain and those that it should lead to. */
function changedChain(expected: RuleTable, { table: { table }, name }: BaseChain): string | undefined {
  return [...expected.chains.keys()]
    .map((chain) => ({ chain, there: chain === HELD ? name : chain }))
    .toReversed()
    .find(({ chain, there }) => rulesText(expected, chain) !== rulesText(table, there))?.there;
}

/** Equal where rules are; sets count by what is in them. */
function rulesText({ chains, sets }: RuleTable, chain: string): string {
  const textOf = (one: Expression): string => {
    if (one.kind !== "lookup") return expressionText(one);
    const elements = (sets.get(one.set)?.elements ?? []).map(({ from, to = from }) => `${hexOf(from)}-${hexOf(to)}`);
    return `${expressionText({ ...one, set: "" })} ${elements.toSorted().join(" ")}`;
  };
  const rules = chains.get(chain)?.rules ?? [];
  const asked = rules.map(({ expressions }) => expressions.filter(({ kind }) => kind !== "counter"));
  return asked.map((expressions) => expressions.map(textOf).join(" ")).join("\n");
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
