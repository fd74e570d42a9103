import { PROTOCOL } from "../../../model/firewall/packet.ts";
import type { Family } from "../../../model/ip.ts";
import type { PfRule, PfSide } from "./pf-rule.ts";

/**
 * The rule with only the addresses that its family and protocol allow. undefined if none is left or another list is empty,
 * because pfctl refuses a rule that "expands to no valid combination".
 */
export function possibleRule(rule: PfRule): PfRule | undefined {
  if ([rule.on, rule.protocols, rule.users, rule.from?.ports, rule.to?.ports].some((values) => values?.length === 0)) {
    return undefined;
  }
  const asked = [rule.family, familyOfProtocol(rule.protocols)].filter((family) => family !== undefined);
  const families = ([4, 6] as const).filter(
    (one) => asked.every((family) => family === one) && speaks(rule.from, one) && speaks(rule.to, one),
  );
  if (families.length === 0) return undefined;
  const narrowed = (side: PfSide): PfSide =>
    side.addresses === undefined
      ? side
      : { ...side, addresses: side.addresses.filter((text) => families.includes(familyOf(text))) };
  return {
    ...rule,
    ...(rule.from === undefined ? {} : { from: narrowed(rule.from) }),
    ...(rule.to === undefined ? {} : { to: narrowed(rule.to) }),
  };
}

function familyOfProtocol(protocols: readonly number[] | undefined): Family | undefined {
  if (protocols?.includes(PROTOCOL.icmp)) return 4;
  return protocols?.includes(PROTOCOL.icmpv6) ? 6 : undefined;
}

function speaks(side: PfSide | undefined, family: Family): boolean {
  return side?.addresses?.some((text) => familyOf(text) === family) ?? true;
}

function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}
