import { AwgError } from "../../../model/error.ts";
import { renderIp } from "../../../model/ip.ts";
import { ROUTE_PROTOCOL } from "../../../model/ownership.ts";
import { type Prefix, parsePrefix, renderPrefix } from "../../../model/prefix.ts";
import { ROUTE } from "../../../native/darwin/constants.ts";
import type { RouteMessage, RouteRequest } from "../../../native/darwin/route/route-message.codec.ts";
import type { Route } from "../../ports/routes.ts";

/** macOS has one routing table; it has the number of Linux's main table. */
export const ONLY_TABLE = 254;

/** Names of interfaces by index and back; a tunnel's utun has the tunnel's device name. */
export interface InterfaceNames {
  readonly nameOf: ReadonlyMap<number, string>;
  readonly indexOf: ReadonlyMap<string, number>;
}

/** Flags of our routes. */
const OUR_FLAGS = ROUTE.RTF_UP | ROUTE.RTF_STATIC | ROUTE.RTF_PROTO3;
const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;

/**
 * A kernel route in the port's form; undefined for a scoped route or one without an internet prefix. Ours have
 * RTF_PROTO3.
 */
export function routeOfMessage(message: RouteMessage, { nameOf }: InterfaceNames): Route | undefined {
  const { family, destination, prefixLength, flags, gateway, index } = message;
  if (family === undefined || destination === undefined || prefixLength === undefined) return undefined;
  if ((flags & ROUTE.RTF_IFSCOPE) !== 0) return undefined;
  const type = typeOf(flags);
  const device = nameOf.get(index !== 0 ? index : gateway?.kind === "link" ? gateway.index : 0);
  const leads = type === "unicast";
  return {
    family,
    table: ONLY_TABLE,
    destination: `${destination}/${prefixLength}`,
    type,
    ...(leads && device !== undefined ? { device } : {}),
    ...(leads && gateway?.kind === "inet" ? { gateway: gateway.address } : {}),
    metric: 0,
    protocol: (flags & ROUTE.RTF_PROTO3) === 0 ? 0 : ROUTE_PROTOCOL,
  };
}

/**
 * The message that adds or deletes a route of ours. One that leads nowhere uses the loopback, as in route(8), with
 * RTF_BLACKHOLE or RTF_REJECT.
 *
 * @throws AwgError("unsupported") for what macOS does not support, ("host") when its device does not exist.
 */
export function requestOfRoute(
  type: number,
  route: Route,
  { indexOf }: InterfaceNames,
): Omit<RouteRequest, "pid" | "sequence"> {
  if (route.table !== ONLY_TABLE) {
    throw new AwgError("unsupported", `macOS has no table ${route.table} for the route ${route.destination}`);
  }
  const destination = prefixOf(route.destination);
  if (route.type === "blackhole" || route.type === "unreachable") {
    const flags = OUR_FLAGS | (route.type === "blackhole" ? ROUTE.RTF_BLACKHOLE : ROUTE.RTF_REJECT);
    return { type, flags, destination, nextHop: { address: LOOPBACK[route.family], scope: 0 } };
  }
  const index = route.device === undefined ? undefined : indexOf.get(route.device);
  if (route.type !== "unicast" || index === undefined) {
    throw new AwgError(
      "host",
      `the device ${route.device ?? "(none)"} of the route ${route.destination} does not exist`,
      {
        facts: { device: route.device ?? "" },
      },
    );
  }
  const { gateway } = route;
  const nextHop = gateway === undefined ? { interfaceIndex: index } : { address: gateway, scope: index };
  return { type, flags: OUR_FLAGS, destination, nextHop };
}

/** Whether both are the same route of ours in every field that the kernel stores. */
export function isSameRoute(a: Route, b: Route): boolean {
  return (
    a.destination === b.destination &&
    a.type === b.type &&
    a.gateway === b.gateway &&
    a.device === b.device &&
    a.protocol === b.protocol
  );
}

function typeOf(flags: number): Route["type"] {
  if ((flags & ROUTE.RTF_BLACKHOLE) !== 0) return "blackhole";
  return (flags & ROUTE.RTF_REJECT) === 0 ? "unicast" : "unreachable";
}

function prefixOf(text: string): RouteRequest["destination"] {
  const prefix: Prefix | undefined = parsePrefix(text);
  if (prefix === undefined || renderPrefix(prefix) !== text) throw new AwgError("bug", `"${text}" is not a prefix`);
  const { family, address, length } = prefix;
  return { family, address: renderIp({ family, value: address }), length };
}
