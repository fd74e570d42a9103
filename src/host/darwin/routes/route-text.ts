import { ROUTE } from "../../../native/darwin/constants.ts";
import { cutMessages } from "../../../native/darwin/route/message-frames.codec.ts";
import {
  decodeRouteMessage,
  encodeRouteRequest,
  type RouteMessage,
} from "../../../native/darwin/route/route-message.codec.ts";
import type { Route } from "../../ports/routes.ts";
import { type InterfaceNames, requestOfRoute } from "./route-mapping.ts";

const FLAGS = [
  ["UP", ROUTE.RTF_UP],
  ["GATEWAY", ROUTE.RTF_GATEWAY],
  ["HOST", ROUTE.RTF_HOST],
  ["REJECT", ROUTE.RTF_REJECT],
  ["STATIC", ROUTE.RTF_STATIC],
  ["BLACKHOLE", ROUTE.RTF_BLACKHOLE],
  ["PROTO3", ROUTE.RTF_PROTO3],
] as const;

/**
 * The messages that add routes, one in two lines: the bytes in hex as they would be written to the routing socket, and
 * what those bytes say when read back. Process and sequence are 0 and 1, 2, …: the real ones are of the moment.
 */
export function renderRouteMessages(routes: readonly Route[], names: InterfaceNames): string {
  return routes
    .flatMap((route, index) => {
      const bytes = encodeRouteRequest({
        ...requestOfRoute(ROUTE.RTM_ADD, route, names),
        pid: 0,
        sequence: index + 1,
      });
      return [Buffer.from(bytes).toString("hex"), ...readBack(bytes, names)];
    })
    .join("\n");
}

function readBack(bytes: Uint8Array, names: InterfaceNames): string[] {
  return cutMessages(bytes).flatMap((frame) => {
    const message = decodeRouteMessage(frame);
    return message === undefined ? [] : [`  RTM_ADD ${describe(message, names)}`];
  });
}

function describe({ destination, prefixLength, gateway, flags }: RouteMessage, { nameOf }: InterfaceNames): string {
  const target =
    gateway?.kind === "link"
      ? `interface ${nameOf.get(gateway.index)}`
      : gateway?.kind === "inet"
        ? gateway.address
        : "";
  const set = FLAGS.filter(([, flag]) => (flags & flag) !== 0).map(([name]) => name);
  return `${destination}/${prefixLength} -> ${target} <${set.join(",")}>`;
}
