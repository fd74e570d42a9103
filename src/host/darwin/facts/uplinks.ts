import { ROUTE } from "../../../native/darwin/constants.ts";
import type { RouteMessage } from "../../../native/darwin/route/route-message.codec.ts";
import type { Uplink } from "../../ports/facts.ts";

/** Interfaces that are never uplinks: Apple's own, and tunnels. */
const VIRTUAL = /^(?:utun|ipsec|ppp|gif|stf|awdl|llw|anpi|lo|bridge|vmenet)\d*$/;

/**
 * The uplinks that are not tunnels: per family the unscoped default route first, which sockets use by themselves, then
 * other interfaces' scoped defaults. Another program's tunnel may own the unscoped one (darwin-notes 4).
 */
export function uplinksOf(routes: readonly RouteMessage[], names: ReadonlyMap<number, string>): Uplink[] {
  const defaults = routes.filter(
    ({ destination, prefixLength, flags }) =>
      prefixLength === 0 &&
      (destination === "0.0.0.0" || destination === "::") &&
      (flags & ROUTE.RTF_UP) !== 0 &&
      (flags & (ROUTE.RTF_REJECT | ROUTE.RTF_BLACKHOLE)) === 0,
  );
  const found = new Map<string, Uplink>();
  for (const { family, index, flags, gateway } of defaults.toSorted((a, b) => scopeOf(a) - scopeOf(b))) {
    const device = names.get(index);
    if (family === undefined || device === undefined || VIRTUAL.test(device)) continue;
    const key = `${family} ${device}`;
    if (found.has(key)) continue;
    const metric = (flags & ROUTE.RTF_IFSCOPE) === 0 ? 0 : index;
    found.set(key, { family, device, metric, ...(gateway?.kind === "inet" ? { gateway: gateway.address } : {}) });
  }
  return [...found.values()].sort((a, b) => a.family - b.family || a.metric - b.metric);
}

function scopeOf({ flags, index }: RouteMessage): number {
  return (flags & ROUTE.RTF_IFSCOPE) === 0 ? 0 : index;
}
