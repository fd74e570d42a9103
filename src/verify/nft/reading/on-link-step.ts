import { ON_LINK_SETS } from "../../../host/linux/nft/render/chain-names.ts";
import { nextHopTerm } from "../../space/packet-fields.ts";
import { isOurs, type RuleTable } from "../rule-table.ts";
import { isWholeNumber, type RegisterValue } from "./register-value.ts";
import type { RuleStep } from "./rule-step.ts";

const NAMES: ReadonlySet<string> = new Set(Object.values(ON_LINK_SETS));

/** The set belongs to awg and holds pairs of a destination with itself (S4.6). */
export function holdsDestinations(table: RuleTable, name: string): boolean {
  return isOurs(table) && NAMES.has(name) && table.sets.get(name)?.isFilledByRules === true;
}

/**
 * The steps of a rule that adds a pair to such a set, or looks one up. (destination, destination) is added, so
 * (destination, next hop) is found if no router leads to the destination. Any other pair is a doubt. Pure.
 */
export function onLinkSteps(
  kind: "set-update" | "lookup",
  set: string,
  [first, second]: readonly (RegisterValue | undefined)[],
): RuleStep[] {
  const isPair = isDestination(first) && (kind === "lookup" ? isNextHop(second) : isDestination(second));
  if (!isPair) return [{ kind: "doubt", what: `the key of the set ${set}` }];
  return kind === "lookup" ? [{ kind: "test", any: [[nextHopTerm("destination")]] }] : [];
}

function isDestination(value: RegisterValue | undefined): boolean {
  return value?.kind === "number" && value.dimension === "destination" && isWholeNumber(value);
}

function isNextHop(value: RegisterValue | undefined): boolean {
  return value?.kind === "opaque" && value.what === "next hop";
}
