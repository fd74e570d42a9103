import { AwgError } from "../../../model/error.ts";
import { hasErrno } from "../errno.ts";
import type { NetlinkMessage } from "../netlink/message.codec.ts";
import { NETLINK_PROTOCOL, type NetlinkSocket, openNetlinkSocket } from "../netlink/netlink-socket.ffi.ts";
import {
  decodeAddress,
  encodeAddressAddition,
  encodeAddressDeletion,
  encodeAddressDump,
  type InterfaceAddress,
} from "./interface-address.codec.ts";
import {
  decodeLink,
  encodeLinkChange,
  encodeLinkCreation,
  encodeLinkDeletion,
  encodeLinkDump,
  encodeLinkRequest,
  type Link,
  type LinkChange,
  type LinkCreation,
} from "./link.codec.ts";
import { decodeNeighbour, encodeNeighbourDump, type Neighbour } from "./neighbour.codec.ts";
import {
  decodeRoute,
  encodeRouteAddition,
  encodeRouteDeletion,
  encodeRouteQuery,
  type Route,
  type RouteFilter,
  type RouteQuery,
} from "./route.codec.ts";
import { readRoutesOf } from "./route-reader.ffi.ts";
import { decodeRule, encodeRuleAddition, encodeRuleDeletion, encodeRuleDump, type PolicyRule } from "./rule.codec.ts";

/** One change to the routing tables. */
export interface RouteChange {
  readonly verb: "create" | "replace" | "delete";
  readonly route: Route;
}

/** The kernel's decision for a packet: a route, or its error ("ENETUNREACH", "EHOSTUNREACH", "EACCES"). */
export type RouteDecision = { readonly route: Route } | { readonly refused: string };

/** The kernel's links, addresses, routes, rules and neighbours of the network namespace the socket was opened in. */
export interface RouteNetlink extends Disposable {
  readonly socket: NetlinkSocket;
  links(): Link[];
  /** The link of that name or index; undefined when there is none. */
  link(which: number | string): Link | undefined;
  /** Creates the link. The kernel accepts an alias only in a second request; if that fails, the link is deleted. */
  createLink(creation: LinkCreation): void;
  changeLink(index: number, change: LinkChange): void;
  deleteLink(index: number): void;
  addresses(linkIndex?: number): InterfaceAddress[];
  addAddress(address: InterfaceAddress, options?: { replace?: boolean }): void;
  deleteAddress(address: InterfaceAddress): void;
  /** Both families; a table that does not exist is empty. */
  routes(filter?: RouteFilter & { family?: 4 | 6 }): Route[];
  /** Sends many changes at once; returns undefined or an error for each. A refused one does not stop the others. */
  changeRoutes(changes: readonly RouteChange[]): (AwgError | undefined)[];
  decideRoute(query: RouteQuery): RouteDecision;
  rules(): PolicyRule[];
  addRule(rule: PolicyRule): void;
  deleteRule(rule: PolicyRule): void;
  neighbours(): Neighbour[];
}

/** Opens a socket to rtnetlink in the current network namespace. Reading needs no rights. */
export function openRouteNetlink(): RouteNetlink {
  return new RtNetlink(openNetlinkSocket(NETLINK_PROTOCOL.route));
}

const FAMILIES = [4, 6] as const;

class RtNetlink implements RouteNetlink {
  readonly socket: NetlinkSocket;

  constructor(socket: NetlinkSocket) {
    this.socket = socket;
  }

  links(): Link[] {
    return collect(this.socket.dump(encodeLinkDump(), "reading the links"), decodeLink);
  }

  link(which: number | string): Link | undefined {
    try {
      const answers = this.socket.request(encodeLinkRequest(which), `reading link ${which}`);
      return collect(answers, decodeLink)[0];
    } catch (error) {
      if (hasErrno(error, "ENODEV")) return undefined;
      throw error;
    }
  }

  createLink(creation: LinkCreation): void {
    const { alias, kind, name } = creation;
    this.socket.request(encodeLinkCreation(creation), `creating the ${kind} link ${name}`);
    if (alias === undefined) return;
    const index = this.link(name)?.index;
    if (index === undefined) throw new AwgError("host", `the link ${name} disappeared after its creation`);
    try {
      this.changeLink(index, { alias });
    } catch (error) {
      this.deleteLink(index);
      throw error;
    }
  }

  changeLink(index: number, change: LinkChange): void {
    const fields = Object.entries(change).map(([field, value]) => `${field} ${String(value)}`);
    this.socket.request(encodeLinkChange(index, change), `setting ${fields.join(", ")} on link ${index}`);
  }

  deleteLink(index: number): void {
    this.socket.request(encodeLinkDeletion(index), `deleting link ${index}`);
  }

  addresses(linkIndex?: number): InterfaceAddress[] {
    return collect(this.socket.dump(encodeAddressDump(linkIndex), "reading the addresses"), decodeAddress);
  }

  addAddress(address: InterfaceAddress, { replace = false }: { replace?: boolean } = {}): void {
    const action = `adding address ${address.address} to link ${address.linkIndex}`;
    this.socket.request(encodeAddressAddition(address, replace), action);
  }

  deleteAddress(address: InterfaceAddress): void {
    const action = `deleting address ${address.address} from link ${address.linkIndex}`;
    this.socket.request(encodeAddressDeletion(address), action);
  }

  routes({ family, ...filter }: RouteFilter & { family?: 4 | 6 } = {}): Route[] {
    return (family === undefined ? FAMILIES : [family]).flatMap((one) => readRoutesOf(this.socket, one, filter));
  }

  changeRoutes(changes: readonly RouteChange[]): (AwgError | undefined)[] {
    const messages = changes.map(({ verb, route }) =>
      verb === "delete" ? encodeRouteDeletion(route) : encodeRouteAddition(route, verb),
    );
    return this.socket.batch(messages, (index) => describeChange(changes[index]));
  }

  decideRoute(query: RouteQuery): RouteDecision {
    try {
      const answers = this.socket.request(encodeRouteQuery(query), `looking up the route to ${query.destination}`);
      const route = collect(answers, decodeRoute)[0];
      if (route !== undefined) return { route };
    } catch (error) {
      for (const refused of ["ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "EAGAIN"]) {
        if (hasErrno(error, refused)) return { refused };
      }
      throw error;
    }
    return { refused: "ENETUNREACH" };
  }

  rules(): PolicyRule[] {
    return FAMILIES.flatMap((family) =>
      collect(this.socket.dump(encodeRuleDump(family), `reading the IPv${family} policy rules`), decodeRule),
    );
  }

  addRule(rule: PolicyRule): void {
    this.socket.request(encodeRuleAddition(rule), `adding IPv${rule.family} policy rule ${rule.priority}`);
  }

  deleteRule(rule: PolicyRule): void {
    this.socket.request(encodeRuleDeletion(rule), `deleting IPv${rule.family} policy rule ${rule.priority}`);
  }

  neighbours(): Neighbour[] {
    return collect(this.socket.dump(encodeNeighbourDump(), "reading the neighbours"), decodeNeighbour);
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}

function collect<T>(messages: readonly NetlinkMessage[], decode: (message: NetlinkMessage) => T | undefined): T[] {
  const found: T[] = [];
  for (const message of messages) {
    const item = decode(message);
    if (item !== undefined) found.push(item);
  }
  return found;
}

function describeChange(change: RouteChange | undefined): string {
  if (change === undefined) return "writing routes";
  const { verb, route } = change;
  const words = { create: "adding", replace: "setting", delete: "deleting" }[verb];
  const place = verb === "delete" ? "from" : "in";
  return `${words} route ${route.destination} ${place} table ${route.table}`;
}
