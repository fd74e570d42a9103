import type { RelayPort } from "../../host/ports/engines.ts";
import type { Host } from "../../host/ports/host.ts";
import { AwgError } from "../../model/error.ts";
import { isClaim, type StepOf } from "../../model/plan.ts";
import type { ProxyObserved, ProxySpec } from "../../model/relay/proxy.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { ResourceDriver } from "../driver.ts";
import { diffProxy, proxyAsSpec } from "./proxy.ts";

/** Drives the relays to proxies: `proxy/<name>`. */
export const proxyDriver: ResourceDriver<"proxy"> = {
  kind: "proxy",
  observe: observeProxies,
  diff: diffProxy,
  asSpec: proxyAsSpec,
  // Its report is in the keeper's folder, which only root can write.
  isOwned: () => true,
  enforcement: () => "enforced",
  apply: applyProxies,
};

async function observeProxies(
  { relays }: Host,
  wanted: ReadonlyMap<ResourceKey<"proxy">, ProxySpec>,
): Promise<ReadonlyMap<ResourceKey<"proxy">, ProxyObserved>> {
  const keys = new Map([...wanted].map(([key, { number }]) => [number, key]));
  const found = (await relays?.readAll()) ?? [];
  return new Map(
    found.map((relay): [ResourceKey<"proxy">, ProxyObserved] => [
      keys.get(relay.number) ?? `proxy/${relay.name === "" ? `path-${relay.number}` : relay.name}`,
      relay,
    ]),
  );
}

async function applyProxies({ relays }: Host, steps: readonly StepOf<"proxy">[]): Promise<void> {
  for (const step of steps) {
    if (isClaim(step)) continue;
    const { action, before, after } = step;
    const port = relays ?? refuse();
    if (before !== null && (after === null || action === "replace")) await port.remove(before.number);
    if (after !== null) await port.ensure(after);
  }
}

function refuse(): RelayPort {
  throw new AwgError("unsupported", "proxies work on Linux only");
}
