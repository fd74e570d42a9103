import { JUDGED_SETS } from "../../../host/linux/nft/render/chain-names.ts";
import type { Dimension } from "../../space/packet-fields.ts";
import { isOurs, type RuleTable } from "../rule-table.ts";
import { bytesOf, isWholeNumber, type RegisterValue, slotOf } from "./register-value.ts";

/** A step that has to do with a set of judged flows (S5.6). */
export type JudgedStep =
  /** The packet's key becomes an element of the set. */
  | { readonly kind: "remember"; readonly set: string; readonly key: readonly Dimension[] }
  /** The rule goes on for packets with a key that is an element, which not every one that rules add need be. */
  | { readonly kind: "remembered"; readonly set: string; readonly key: readonly Dimension[] };

const NAMES: ReadonlySet<string> = new Set(Object.values(JUDGED_SETS).flatMap((sets) => Object.values(sets)));

/** Whether the set of that name is one of awg's that hold judged flows. */
export function holdsJudgedFlows(table: RuleTable, name: string): boolean {
  return isOurs(table) && NAMES.has(name) && table.sets.get(name)?.isFilledByRules === true;
}

/**
 * The step for a key that stands in the registers from one on. A part of a field as part of the key is a doubt. Pure.
 *
 * @param registers by slot of four bytes
 */
export function judgedStep(
  kind: JudgedStep["kind"],
  { set, register }: { readonly set: string; readonly register: number },
  registers: ReadonlyMap<number, RegisterValue>,
): JudgedStep | { readonly kind: "doubt"; readonly what: string } {
  const key: Dimension[] = [];
  for (let slot = slotOf(register); ; ) {
    const value = registers.get(slot);
    if (value === undefined) return { kind, set, key };
    const dimension = dimensionOf(value);
    if (dimension === undefined) return { kind: "doubt", what: `a part of the key of the set ${set}` };
    key.push(dimension);
    slot += Math.ceil((bytesOf(value) ?? 1) / 4);
  }
}

function dimensionOf(value: RegisterValue): Dimension | undefined {
  if (value.kind === "named") return value.only === undefined ? value.dimension : undefined;
  return value.kind === "number" && isWholeNumber(value) ? value.dimension : undefined;
}
