import type { Capabilities } from "../../host/ports/facts.ts";
import type { Enforcement, FieldChange } from "../../model/resource.ts";
import type { Leftover, LinkObserved, LinkSpec } from "../../model/resources/link.ts";
import { setChange, valueChange } from "../field-change.ts";

/**
 * What differs between the wanted and the found device. Unrequested link-local IPv6 addresses do not count: the kernel
 * adds one to every device that is up (net/ipv6/addrconf.c).
 */
export function diffLink(desired: LinkSpec, observed: LinkObserved): FieldChange[] {
  const wanted = new Set(desired.addresses);
  const found = observed.addresses.filter((address) => wanted.has(address) || !isLinkLocal(address));
  return [
    ...valueChange("/device", observed.device, desired.device),
    ...valueChange("/type", observed.type, desired.type),
    ...(desired.unit === undefined ? [] : valueChange("/unit", observed.unit, desired.unit)),
    ...valueChange("/tunnel", observed.tunnel, desired.tunnel === "" ? undefined : desired.tunnel),
    ...setChange("/addresses", found, desired.addresses),
    ...valueChange("/mtuBytes", observed.mtuBytes, desired.mtuBytes),
    ...valueChange("/up", observed.up, true),
    ...(desired.tunnel === "" ? [] : valueChange("/held", observed.held, true)),
    ...setChange("/leftovers", namesOf(observed.leftovers), namesOf(desired.leftovers)),
  ];
}

function namesOf(leftovers: readonly Leftover[] = []): string[] {
  return leftovers.map(({ text }) => text);
}

/** Leftovers that `from` has and `to` lacks. */
export function leftoversBeyond(from: LinkSpec | null, to: LinkSpec | null): readonly Leftover[] {
  const kept = new Set(namesOf(to?.leftovers));
  return (from?.leftovers ?? []).filter(({ text }) => !kept.has(text));
}

/** The device as a spec; a device of another program has no tunnel. */
export function linkAsSpec(observed: LinkObserved): LinkSpec {
  const { device, type, addresses, mtuBytes, tunnel, leftovers, unit } = observed;
  const kind = type === "other" ? "tun" : type;
  const own = addresses.filter((address) => !isLinkLocal(address));
  const around = leftovers === undefined ? {} : { leftovers };
  const asked = unit === undefined ? {} : { unit };
  return { device, type: kind, addresses: own, mtuBytes, tunnel: tunnel ?? "", ...around, ...asked };
}

/** Whether the config allows a takeover of this device, and its engine can keep running meanwhile. */
export function mayAdoptLink(desired: LinkSpec, { type, holder }: LinkObserved): boolean {
  return desired.adopt === true && desired.type === "tun" && type === "tun" && holder?.isEngine === true;
}

/** Whether the device carries our alias. */
export function isLinkOwned({ tunnel }: LinkObserved): boolean {
  return tunnel !== undefined;
}

/** The name, type and number of a device never change. */
export function doesLinkNeedReplace(changes: readonly FieldChange[]): boolean {
  return changes.some(({ field }) => ["/device", "/type", "/unit"].includes(field));
}

/** Whether this host can create such a device. */
export function linkEnforcement({ type }: LinkSpec, capabilities: Capabilities): Enforcement {
  const able = type === "tun" ? capabilities.tun : capabilities.kernelWireguard;
  return able ? "enforced" : "unsupported";
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}
