import type { Host } from "../../host/ports/host.ts";
import { isClaim, type StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { LinkObserved, LinkSpec } from "../../model/resources/link.ts";
import type { ResourceDriver } from "../driver.ts";
import {
  diffLink,
  doesLinkNeedReplace,
  isLinkOwned,
  leftoversBeyond,
  linkAsSpec,
  linkEnforcement,
  mayAdoptLink,
} from "./link.ts";

/** Drives the devices of tunnels: `link/<tunnel>`. */
export const linkDriver: ResourceDriver<"link"> = {
  kind: "link",
  observe: observeLinks,
  diff: diffLink,
  asSpec: linkAsSpec,
  isOwned: isLinkOwned,
  mayAdopt: mayAdoptLink,
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
  for (const [key, spec] of wanted) {
    const link = rivalOf(spec, links) ?? links.get(spec.device);
    if (link === undefined) continue;
    observed.set(key, { ...link, ...(await readAround(host, spec, link)) });
    links.delete(link.device);
  }
  for (const link of links.values()) {
    if (link.tunnel === undefined) continue;
    const key: ResourceKey<"link"> = `link/${link.tunnel}`;
    // A second device of one tunnel remains after an interrupted rename; it gets a key of its own so that it can be
    // removed.
    observed.set(observed.has(key) || wanted.has(key) ? `link/${link.tunnel}@${link.device}` : key, link);
  }
  return observed;
}

/** The owner of the utun number that a tunnel needs: it blocks the tunnel as a device of the same name would. */
function rivalOf({ unit }: LinkSpec, links: ReadonlyMap<string, LinkObserved>): LinkObserved | undefined {
  return unit === undefined ? undefined : links.get(`utun${unit}`);
}

/** Owners of devices that are not ours, and what is left of the program of a device that was or will be taken over. */
async function readAround(
  { links }: Host,
  { device, adopt, leftovers }: LinkSpec,
  { tunnel }: LinkObserved,
): Promise<Pick<LinkObserved, "holder" | "leftovers">> {
  const holder = tunnel === undefined ? await links.readHolder?.(device) : undefined;
  const left = adopt === true || leftovers !== undefined ? ((await links.readLeftovers?.(device)) ?? []) : [];
  return { ...(holder === undefined ? {} : { holder }), ...(left.length === 0 ? {} : { leftovers: left }) };
}

async function applyLinks(host: Host, steps: readonly StepOf<"link">[]): Promise<void> {
  for (const step of steps) {
    if (isClaim(step)) continue;
    const { action, before, after } = step;
    if (action === "adopt" && after !== null) await host.links.adopt?.(after);
    else if (action === "forget" && after !== null) await host.links.release?.(after);
    else {
      if (before !== null && (after === null || action === "replace")) await host.links.remove(before.device);
      if (after !== null) await host.links.ensure(after);
    }
    const [away, back] = [leftoversBeyond(before, after), leftoversBeyond(after, before)];
    const device = (after ?? before)?.device;
    if (device !== undefined && away.length + back.length > 0)
      await host.links.changeLeftovers?.(device, { back, away });
  }
}
