import type { Host } from "../../host/ports/host.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { LinkObserved, LinkSpec } from "../../model/spec/link.ts";
import type { ResourceDriver } from "../driver.ts";
import { diffLink, doesLinkNeedReplace, isLinkOwned, linkAsSpec, linkEnforcement } from "./link.ts";

/** Drives the devices of tunnels: `link/<tunnel>`. */
export const linkDriver: ResourceDriver<"link"> = {
  kind: "link",
  observe: observeLinks,
  diff: diffLink,
  asSpec: linkAsSpec,
  isOwned: isLinkOwned,
  needsReplace: doesLinkNeedReplace,
  enforcement: linkEnforcement,
  apply: applyLinks,
};

async function observeLinks(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"link">, LinkSpec>,
): Promise<ReadonlyMap<ResourceKey<"link">, LinkObserved>> {
  const links = new Map((await host.links.read()).map((link) => [link.device, link]));
  const observed = new Map<ResourceKey<"link">, LinkObserved>();
  for (const [key, { device }] of wanted) {
    const link = links.get(device);
    if (link === undefined) continue;
    observed.set(key, link);
    links.delete(device);
  }
  for (const link of links.values()) {
    if (link.tunnel === undefined) continue;
    const key: ResourceKey<"link"> = `link/${link.tunnel}`;
    // A second device of one tunnel is left from an interrupted rename; it gets a key of its own so that it can go.
    observed.set(observed.has(key) || wanted.has(key) ? `link/${link.tunnel}@${link.device}` : key, link);
  }
  return observed;
}

async function applyLinks(host: Host, steps: readonly StepOf<"link">[]): Promise<void> {
  for (const { action, before, after } of steps) {
    if (action === "adopt" || action === "forget") continue;
    if (before !== null && (after === null || action === "replace")) await host.links.remove(before.device);
    if (after !== null) await host.links.ensure(after);
  }
}
