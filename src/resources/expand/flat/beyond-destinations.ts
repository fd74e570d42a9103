import { placeOf } from "../../../model/firewall/flow-path.ts";
import { LAN_PREFIXES } from "../../../model/firewall/link-traffic.ts";
import type { AllowGrant, FirewallPolicy, FlowMatch, FlowRule, PathRef } from "../../../model/firewall/policy.ts";
import { type Prefix, parsePrefix } from "../../../model/prefix.ts";
import { PrefixSet } from "./prefix-set.ts";

/** Whether the destination alone decides a rule; an empty match applies to everything. */
export function isByDestination({ ports, protocol, uids }: FlowMatch): boolean {
  return ports === undefined && protocol === undefined && uids === undefined;
}

/**
 * Places ("rules.2", "killSwitch.allow.0") that a host with routing by destination alone cannot follow: rules and
 * exceptions by port, protocol or user whose flows its routes send elsewhere. The packet filter drops those.
 */
export function beyondDestinations({ steering, layers: [layer] }: FirewallPolicy): string[] {
  const { rules } = steering;
  const beyond = rules.filter(
    (rule, index) => !isByDestination(rule.match) && rule.path.kind !== "block" && leadsElsewhere(rule, index),
  );
  const exceptions = (layer?.allow ?? []).flatMap((grant, index) =>
    steering.default.kind === "tunnel" && needsPorts(grant, layer?.allowLan === true)
      ? [`killSwitch.allow.${index}`]
      : [],
  );
  return [...beyond.map(placeOf), ...exceptions];

  function leadsElsewhere({ match, path }: FlowRule, index: number): boolean {
    const later = rules.slice(index + 1).filter((other) => isByDestination(other.match) && other.path.kind !== "block");
    return (
      !isSame(path, steering.default) ||
      later.some((other) => !isSame(path, other.path) && overlap(match.destinations, other.match.destinations))
    );
  }
}

/** An exception without a route of its own past the default tunnel. */
function needsPorts({ direction, ports, protocol, prefixes }: AllowGrant, allowLan: boolean): boolean {
  if (direction !== "out") return false;
  const isLocal = allowLan && prefixes?.every((prefix) => overlap([prefix], LAN_PREFIXES)) === true;
  return !isLocal && (prefixes === undefined || ports !== undefined || protocol !== undefined);
}

function isSame(a: PathRef, b: PathRef): boolean {
  return a.kind === b.kind && (a.kind !== "tunnel" || b.kind !== "tunnel" || a.device === b.device);
}

/** Whether the lists share an address; an absent list holds all. */
function overlap(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  const [left, right] = [a, b].map((texts) => texts.flatMap((text) => parsePrefix(text) ?? []));
  return isIn(left ?? [], right ?? []) || isIn(right ?? [], left ?? []);
}

function isIn(prefixes: readonly Prefix[], others: readonly Prefix[]): boolean {
  const set = new PrefixSet();
  for (const other of others) set.add(other);
  return prefixes.some((prefix) => set.covers(prefix));
}
