import type { Capabilities } from "../../host/ports/facts.ts";
import type { Enforcement, FieldChange, ResourceKey } from "../../model/resource.ts";
import type { ResolverObserved, ResolverSpec } from "../../model/resources/resolver.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import type { Hold } from "../driver.ts";
import { valueChange } from "../field-change.ts";

/**
 * What differs. The order of servers is their preference, so it counts; the device counts if a link carries the
 * servers.
 */
export function diffResolver(desired: ResolverSpec, observed: ResolverObserved): FieldChange[] {
  return [
    ...valueChange("/ownedByAwg", observed.ownedByAwg, true),
    ...valueChange("/method", observed.method, desired.method),
    ...valueChange("/servers", observed.servers, desired.servers),
    ...valueChange("/search", observed.search, desired.search),
    ...valueChange("/split", observed.split, desired.split),
    ...valueChange("/service", observed.service, desired.service),
    ...(desired.method === "resolved" ? valueChange("/device", observed.device, desired.device) : []),
  ];
}

/** What awg wrote, as a spec; undefined for the host's own configuration, which the port keeps and restores. */
export function resolverAsSpec({ ownedByAwg, obstacle: _, ...spec }: ResolverObserved): ResolverSpec | undefined {
  return ownedByAwg ? spec : undefined;
}

/** Something other than a file in the place of resolv.conf belongs to another program, which must remove it. */
export function holdOfResolver(_: ResolverSpec, { obstacle }: ResolverObserved): Hold | undefined {
  return obstacle === undefined ? undefined : { holder: obstacle, canStay: false };
}

/** Servers that a link of systemd-resolved carries need that link. */
export function resolverDependencies({ method, device }: ResolverSpec): ResourceKey[] {
  return method === "resolved" ? [`link/${tunnelOfDevice(device)}`] : [];
}

/** Other programs can rewrite a file at any time; the firewall, not this, keeps DNS on its path. */
export function resolverEnforcement({ method }: ResolverSpec, capabilities: Capabilities): Enforcement {
  if (method === "resolved" && !capabilities.resolved) return "unsupported";
  return "best-effort";
}
