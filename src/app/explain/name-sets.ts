import type { Inspection } from "../../host/ports/inspection.ts";
import { compileDomains, plainName } from "../../model/dns/domain-match.ts";
import { type IpAddress, parseIp, renderIp } from "../../model/ip.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";

/**
 * The dynamic sets (rule S4.14) that decide about a flow: those that hold its address now, and those that get the addresses
 * of its name before a program learns them.
 *
 * @param destination as typed: an address or a name
 */
export function nameSetsOfFlow(
  destination: string,
  address: IpAddress,
  { resources }: DesiredState,
  inspection: Inspection | undefined,
): readonly string[] {
  const services = resources.flatMap((one) => (one.kind === "resolver" ? (one.spec.service?.sets ?? []) : []));
  if (services.length === 0) return [];
  const name = parseIp(destination) === undefined ? plainName(destination) : undefined;
  const byName = services.filter(({ domains }) => name !== undefined && compileDomains(domains)(name));
  const held = inspection?.setsHolding(renderIp(address)) ?? [];
  return [...new Set([...byName.map(({ set }) => set), ...held])];
}
