import { LASTING_PROTOCOLS } from "../../../../../model/firewall/packet.ts";
import type { ClassSet, FirewallPolicy } from "../../../../../model/firewall/policy.ts";
import { CLASS_MARK, markOfClass, ORPHANED, UNCLASSIFIED } from "../../../../../model/ownership.ts";
import { asksUnclassified } from "../../../../../model/program/class-rules.ts";
import { verdict } from "../../../../../native/linux/nftables/expression.ts";
import { type Match, setMark } from "../../../../../native/linux/nftables/match.ts";
import { type RulesWithChains, rule } from "../rendered-table.ts";
import type { RenderPlace } from "./conditions.ts";
import { hasSocket } from "./link-rules.ts";

const NO_CLASS = "no-class";
const NOTHING: RulesWithChains = { rules: [], chains: [] };

/** The alternatives under which a packet's program has one of the classes (S4.13). */
export function programOf(place: RenderPlace, name: string, classes: ClassSet | undefined): Match[][] {
  if (classes === undefined) return [[]];
  const { match, sets } = place;
  const isNot = "otherThan" in classes;
  const numbers = isNot ? [0, ...classes.otherThan] : classes.in;
  if (numbers.length === 0) return [];
  const [only] = numbers;
  if (only !== undefined && numbers.length === 1) {
    return [[match.mark(markOfClass(only), CLASS_MARK.mask, { not: isNot })]];
  }
  const set = sets.values(isNot ? "classes" : `${name}-classes`, "mark.class", numbers.map(markOfClass));
  return [[match.inSet("mark.class", set, { not: isNot })]];
}

/**
 * The rule by which steering marks what a socket without a class sends (S4.13). What the kernel sends itself has no socket
 * of a user; by protocols that send after their program closed the socket, it may be a program's.
 */
export function unclassifiedRules(place: RenderPlace, policy: FirewallPolicy): RulesWithChains {
  if (!asksUnclassified(policy)) return NOTHING;
  const { match, sets } = place;
  const lasting = match.inSet("l4proto", sets.values("lasting-protocols", "l4proto", LASTING_PROTOCOLS));
  const marked = (number: number) => [...setMark(markOfClass(number), CLASS_MARK.mask), verdict("return")];
  const rules = [
    rule([hasSocket(place)], marked(UNCLASSIFIED), "S4.13 a socket without a class"),
    rule([lasting], marked(ORPHANED), "S4.13 perhaps a program that has closed its socket"),
  ];
  const isBare = match.mark(0, CLASS_MARK.mask);
  return {
    rules: [rule([isBare], verdict("jump", NO_CLASS), "S4.13 without a class")],
    chains: [{ name: NO_CLASS, rules }],
  };
}
