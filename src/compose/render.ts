import { networkInterfaces } from "node:os";
import { renderResourceText } from "../host/linux/render/resource-text.ts";
import type { DesiredState, Resource, ResourceKey } from "../model/resource.ts";

/** Each desired resource as text for Linux, in the order of the desired state. */
export function renderForLinux(desired: DesiredState): readonly { readonly key: ResourceKey; readonly text: string }[] {
  const ours = new Set(desired.resources.map(deviceOf).filter((device) => device !== undefined));
  const devices = Object.keys(networkInterfaces()).filter((name) => name !== "lo" && !ours.has(name));
  return desired.resources.map((resource) => ({ key: resource.key, text: renderResourceText(resource, devices) }));
}

function deviceOf(resource: Resource): string | undefined {
  return resource.kind === "link" ? resource.spec.device : undefined;
}
