import { JUDGED_SETS } from "../../../host/linux/nft/render/chain-names.ts";
import { CLASS_MARK } from "../../../model/ownership.ts";
import type { Dimension } from "../../space/packet-fields.ts";
import { isOurs, type RuleTable } from "../rule-table.ts";
import { bytesOf, isWholeNumber, nativeEndianBytes, type RegisterValue, slotOf } from "./register-value.ts";

/** A step that reads or writes a set of judged flows (S5.6). */
export type JudgedStep =
  /** The rule adds the packet's key to the set. */
  | { readonly kind: "remember"; readonly set: string; readonly key: readonly JudgedKey[] }
  /** The rule continues if the set contains the packet's key. A key that rules add may still be absent. */
  | { readonly kind: "remembered"; readonly set: string; readonly key: readonly JudgedKey[] };

/** A field of the key, or the class in the mark. */
export type JudgedKey = Exclude<Dimension, "mark"> | "class";

const NAMES: ReadonlySet<string> = new Set(Object.values(JUDGED_SETS).flatMap((sets) => Object.values(sets)));

/** The set belongs to awg and holds judged flows. */
export function holdsJudgedFlows(table: RuleTable, name: string): boolean {
  return isOurs(table) && NAMES.has(name) && table.sets.get(name)?.isFilledByRules === true;
}

/**
 * The step for a key in consecutive registers. A partial field in the key is a doubt. Pure.
 *
 * @param registers by slot of four bytes
 */
export function judgedStep(
  kind: JudgedStep["kind"],
  { set, register }: { readonly set: string; readonly register: number },
  registers: ReadonlyMap<number, RegisterValue>,
): JudgedStep | { readonly kind: "doubt"; readonly what: string } {
  const key: JudgedKey[] = [];
  for (let slot = slotOf(register); ; ) {
    const value = registers.get(slot);
    if (value === undefined) return { kind, set, key };
    const dimension = dimensionOf(value);
    if (dimension === undefined) return { kind: "doubt", what: `a part of the key of the set ${set}` };
    key.push(dimension);
    slot += Math.ceil((bytesOf(value) ?? 1) / 4);
  }
}

function dimensionOf(value: RegisterValue): JudgedKey | undefined {
  if (value.kind === "named") return value.only === undefined ? value.dimension : undefined;
  if (value.kind !== "number") return undefined;
  if (value.dimension === "mark") return isClass(value) ? "class" : undefined;
  return isWholeNumber(value) ? value.dimension : undefined;
}

function isClass({ mask, xor, reversed }: Extract<RegisterValue, { kind: "number" }>): boolean {
  const wanted = nativeEndianBytes(CLASS_MARK.mask);
  return reversed && Buffer.compare(mask, wanted) === 0 && xor.every((byte) => byte === 0);
}
