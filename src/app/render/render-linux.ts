import { networkInterfaces } from "node:os";
import { renderBootTable } from "../../host/linux/nft/render/boot-table.ts";
import { renderResourceText } from "../../host/linux/render/resource-text.ts";
import { NFT_BOOT_TABLE } from "../../model/ownership.ts";
import type { Resource, ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";

/** One part of what would be loaded: a resource, or the table for a boot unit to load before any network is up. */
export interface RenderedPart {
  readonly key: ResourceKey | `boot/${string}`;
  readonly text: string;
}

/**
 * Each desired resource as text for Linux, in the order of the desired state; with the kill switch on then the boot
 * table, a script for `nft -f`.
 */
export function renderForLinux(desired: DesiredState): readonly RenderedPart[] {
  const ours = new Set(desired.resources.map(deviceOf).filter((device) => device !== undefined));
  const devices = Object.keys(networkInterfaces()).filter((name) => name !== "lo" && !ours.has(name));
  const parts = desired.resources.map((resource) => ({
    key: resource.key,
    text: renderResourceText(resource, devices),
  }));
  return desired.resources.some(isGuarded) ? [...parts, bootPart()] : parts;
}

function bootPart(): RenderedPart {
  const key = `boot/${NFT_BOOT_TABLE}` as const;
  // A script begins with its interpreter, or it is none.
  return { key, text: renderBootTable().replace("\n", `\n# ${key}\n`) };
}

function isGuarded(resource: Resource): boolean {
  return resource.kind === "firewall" && resource.spec.layers.some((layer) => layer.killSwitch);
}

function deviceOf(resource: Resource): string | undefined {
  return resource.kind === "link" ? resource.spec.device : undefined;
}
