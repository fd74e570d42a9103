import { type FlowMatch, isForFilterAlone, type PortRange } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { CLASS_MARK, markOfClass, RULE_PREFERENCES } from "../../model/ownership.ts";
import { isForUnclassified } from "../../model/program/class-rules.ts";
import type { PolicyRule, PolicyRuleMatch } from "../../model/resources/routes.ts";
import { familyOfText } from "./tunnels/place-tunnels.ts";

const FAMILIES: readonly Family[] = [4, 6];

/** The protocols that the kernel's rules can name. */
export const ROUTABLE_PROTOCOLS: Readonly<Record<number, "tcp" | "udp">> = { 6: "tcp", 17: "udp" };

/** A policy rule at a place, counted from the start of our preferences. */
export function policyRule(family: Family, place: number, table: number, match: PolicyRuleMatch): PolicyRule {
  return { family, preference: RULE_PREFERENCES.first + place, match, table };
}

/** The same rule for both families. */
export function both(place: number, table: number, match: PolicyRuleMatch): PolicyRule[] {
  return FAMILIES.map((family) => policyRule(family, place, table, match));
}

/** All combinations of a match. In these rules the kernel can name no protocols but TCP and UDP. */
export function matchRules(place: number, table: number, match: FlowMatch): PolicyRule[] {
  // A socket without a class has one before its next look-up; if not, its path's mark finds the table (S4.13).
  if (isForFilterAlone(match) || isForUnclassified(match.classes)) return [];
  const protocol = match.protocol === undefined ? undefined : ROUTABLE_PROTOCOLS[match.protocol];
  if (match.protocol !== undefined && protocol === undefined) return [];
  return matches(match).flatMap(({ families, match: selected }) =>
    (match.ports ?? [undefined]).flatMap((ports) =>
      families.map((family) =>
        policyRule(family, place, table, {
          ...selected,
          ...(protocol === undefined ? {} : { protocol }),
          ...(ports === undefined ? {} : { ports }),
        }),
      ),
    ),
  );
}

interface Selected {
  readonly families: readonly Family[];
  readonly match: PolicyRuleMatch;
}

/** Destinations, users and classes combined. A default prefix selects a whole family; such a rule names no prefix. */
export function matches({
  destinations,
  uids,
  classes,
}: {
  destinations?: readonly string[] | undefined;
  uids?: FlowMatch["uids"];
  classes?: FlowMatch["classes"];
}): Selected[] {
  const places: Selected[] =
    destinations === undefined
      ? [{ families: FAMILIES, match: {} }]
      : destinations.map((destination) => ({
          families: [familyOfText(destination)],
          match: destination.endsWith("/0") ? {} : { destination },
        }));
  // Packets that arrive have no user, and the kernel looks up their route as root's (ip_route_input_slow of net/ipv4/route.c).
  const users = uids?.map((range) => ({ uids: range, local: true as const })) ?? [{}];
  const numbers = classes !== undefined && "in" in classes ? classes.in : undefined;
  const programs = numbers?.map((number) => ({ mark: classMark(number), local: true as const })) ?? [{}];
  return places.flatMap(({ families, match }) =>
    users.flatMap((user) => programs.map((program) => ({ families, match: { ...match, ...user, ...program } }))),
  );
}

function classMark(number: number): NonNullable<PolicyRuleMatch["mark"]> {
  return { value: markOfClass(number), mask: CLASS_MARK.mask };
}

/** The range of one port. */
export function portRange(port: number): PortRange {
  return { from: port, to: port };
}

/** The prefix of one address, with its family. */
export function hostPrefix(address: string): { readonly family: Family; readonly prefix: string } {
  const family = familyOfText(address);
  return { family, prefix: `${address}/${family === 4 ? 32 : 128}` };
}
