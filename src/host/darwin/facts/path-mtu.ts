import { parseIp } from "../../../model/ip.ts";
import { ROUTE } from "../../../native/darwin/constants.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { Interface } from "../../../native/darwin/link/interface-message.codec.ts";
import type { RouteMessage } from "../../../native/darwin/route/route-message.codec.ts";
import type { Uplink } from "../../ports/facts.ts";
import { openRouteLookups } from "../routes/route-socket.ts";

/** The host's uplinks, and the interfaces that are not ours. */
export interface PathMtuSources {
  readonly uplinks: readonly Uplink[];
  readonly interfaces: readonly Interface[];
}

const LEADS_NOWHERE = ROUTE.RTF_REJECT | ROUTE.RTF_BLACKHOLE;

/**
 * The MTU of the kernel's route to each address. If that route uses a tunnel of ours, the route of a socket bound to
 * the uplink counts, as for the engine's sockets. Addresses without a route are left out.
 */
export function pathMtus(
  system: LibSystem,
  addresses: readonly string[],
  { uplinks, interfaces }: PathMtuSources,
): Readonly<Record<string, number>> {
  if (addresses.length === 0) return {};
  using lookups = openRouteLookups(system);
  const found = addresses.flatMap((address) => {
    const family = parseIp(address)?.family;
    if (family === undefined) return [];
    const uplink = uplinks.find((one) => one.family === family)?.device;
    const scope = interfaces.find(({ name }) => name === uplink)?.index ?? 0;
    const free = lookups.lookUp(family, address, 0);
    const isOut = interfaces.some(({ index }) => index === free?.index);
    const route = isOut || scope === 0 ? free : lookups.lookUp(family, address, scope);
    const mtuBytes = route === undefined ? undefined : mtuOf(route, interfaces);
    return mtuBytes === undefined ? [] : [[address, mtuBytes] as const];
  });
  return Object.fromEntries(found);
}

/**
 * The route's own MTU, at most its interface's. A route that the kernel cloned for one host has the path MTU learned
 * from routers: it changes, and a device's MTU must not follow it; the engine does.
 */
function mtuOf({ index, flags, mtuBytes }: RouteMessage, interfaces: readonly Interface[]): number | undefined {
  const device = interfaces.find((one) => one.index === index);
  if (device === undefined || (flags & LEADS_NOWHERE) !== 0) return undefined;
  const isOwn = mtuBytes > 0 && (flags & ROUTE.RTF_WASCLONED) === 0;
  return isOwn ? Math.min(mtuBytes, device.mtuBytes) : device.mtuBytes;
}
