import type { Capabilities } from "../../host/ports/facts.ts";
import type { Enforcement, FieldChange } from "../../model/resource.ts";
import type { LinkObserved, LinkSpec } from "../../model/spec/link.ts";
import { setChange, valueChange } from "../field-change.ts";

/**
 * What differs between the device wanted and the device found. Link-local IPv6 addresses that nobody asked for are the
 * kernel's own (net/ipv6/addrconf.c gives one to every device that is up) and do not count.
 */
export function diffLink(desired: LinkSpec, observed: LinkObserved): FieldChange[] {
  const wanted = new Set(desired.addresses);
  const found = observed.addresses.filter((address) => wanted.has(address) || !isLinkLocal(address));
  return [
    ...valueChange("/device", observed.device, desired.device),
    ...valueChange("/type", observed.type, desired.type),
    ...valueChange("/tunnel", observed.tunnel, desired.tunnel),
    ...setChange("/addresses", found, desired.addresses),
    ...valueChange("/mtuBytes", observed.mtuBytes, desired.mtuBytes),
    ...valueChange("/up", observed.up, true),
    ...valueChange("/held", observed.held, true),
  ];
}

/** The device as a spec. A foreign one has no tunnel: it is a conflict before anything is done with its spec. */
export function linkAsSpec({ device, type, addresses, mtuBytes, tunnel }: LinkObserved): LinkSpec {
  const kind = type === "other" ? "tun" : type;
  const own = addresses.filter((address) => !isLinkLocal(address));
  return { device, type: kind, addresses: own, mtuBytes, tunnel: tunnel ?? "" };
}

/** Whether the device carries our alias. */
export function isLinkOwned({ tunnel }: LinkObserved): boolean {
  return tunnel !== undefined;
}

/** A device keeps its name and its type for life. */
export function doesLinkNeedReplace(changes: readonly FieldChange[]): boolean {
  return changes.some(({ field }) => field === "/device" || field === "/type");
}

/** Whether this machine can make such a device at all. */
export function linkEnforcement({ type }: LinkSpec, capabilities: Capabilities): Enforcement {
  const able = type === "tun" ? capabilities.tun : capabilities.kernelWireguard;
  return able ? "enforced" : "unsupported";
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}
