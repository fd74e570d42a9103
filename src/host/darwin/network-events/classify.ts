import { ROUTE } from "../../../native/darwin/constants.ts";
import { decodeAddressChange, decodeInterfaceChange } from "../../../native/darwin/link/interface-message.codec.ts";
import type { MessageFrame } from "../../../native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage, type RouteMessage } from "../../../native/darwin/route/route-message.codec.ts";
import type { LinkWrite } from "../links/own-link-writes.ts";
import { isOwnSequence } from "../routes/route-socket.ts";
import { isOwnAddress, isOwnState, isRouteOfOwnAddress } from "./own-links.ts";

/**
 * Interfaces that are ignored: Apple's own links between devices, and the loopback. tailscale and n0-computer ignore
 * the same (darwin-notes section 3, Watch).
 */
const NOISY = /^(awdl|llw|anpi|ipsec|gif|stf|lo)[0-9]+$/;
const TUNNEL = /^utun[0-9]+$/;

/** What changed, by messages of the routing socket. */
export interface Delta {
  /**
   * The host's unscoped default route of a family, if not into a tunnel: configd sets it for the primary service, whose
   * resolver becomes the system's (darwin-notes section 4).
   */
  readonly primaryService: boolean;
  /** A scoped default route of one interface, or one into a tunnel. */
  readonly defaultRoute: boolean;
  readonly routes: boolean;
  readonly addresses: boolean;
  readonly devices: boolean;
  /** An uplink or an address changed on an interface that is not a tunnel; tunnels' sockets may use it. */
  readonly renumbered: boolean;
  /** Processes that wrote routes, without ours. */
  readonly writers: ReadonlySet<number>;
  /** One of them changed a route with awg's mark. */
  readonly isOurs: boolean;
}

/** The context for judging a message. */
export interface DeltaContext {
  /** Our pid: a route with it and a sequence of ours was written by this process. */
  readonly ownPid: number;
  /** This process's changes of interfaces since the last check. */
  readonly ownLinks: readonly LinkWrite[];
  readonly nameOf: (index: number) => string | undefined;
  /** The last reported flags and MTU of each interface, by index; updated here. */
  readonly lastStates: Map<number, string>;
}

/**
 * Classifies the changes in these messages. Ignored are failed lookups (RTM_MISS comes by the hundred), routes cloned
 * for single neighbours, refused requests, multicast, ignored interfaces, and this process's own writes. Own routes are
 * recognised by pid and sequence, own interface changes by content, so that simultaneous changes by others are not
 * lost.
 *
 * @throws AwgError("host") for a message that cannot be read.
 */
export function classify(frames: readonly MessageFrame[], context: DeltaContext): Delta {
  const delta = {
    primaryService: false,
    defaultRoute: false,
    routes: false,
    addresses: false,
    devices: false,
    renumbered: false,
    isOurs: false,
  };
  const writers = new Set<number>();
  for (const frame of frames) {
    const route = decodeRouteMessage(frame);
    if (route !== undefined) {
      if (!isChange(route, context)) continue;
      const isOutside = isDefault(route) && !isTunnel(route.index, context);
      const isPrimary = isOutside && (route.flags & ROUTE.RTF_IFSCOPE) === 0;
      delta.primaryService ||= isPrimary;
      delta.defaultRoute ||= isDefault(route) && !isPrimary;
      delta.routes ||= !isDefault(route);
      delta.renumbered ||= isOutside;
      if (route.pid > 0) writers.add(route.pid);
      delta.isOurs ||= route.pid > 0 && (route.flags & ROUTE.RTF_PROTO3) !== 0;
      continue;
    }
    const address = decodeAddressChange(frame);
    if (address !== undefined && !isNoisy(address.index, context) && !isOwnAddress(frame, address, context.ownLinks)) {
      delta.addresses = true;
      delta.renumbered ||= !isTunnel(address.index, context);
    }
    delta.devices ||= isDeviceChange(frame, context);
  }
  return { ...delta, writers };
}

function isChange(route: RouteMessage, context: DeltaContext): boolean {
  const { type, flags, errno, index, pid, sequence } = route;
  if (type !== ROUTE.RTM_ADD && type !== ROUTE.RTM_DELETE && type !== ROUTE.RTM_CHANGE) return false;
  if (errno !== 0 || (flags & (ROUTE.RTF_WASCLONED | RTF_LLINFO)) !== 0) return false;
  if (pid === context.ownPid && isOwnSequence(sequence)) return false;
  if (isRouteOfOwnAddress(route, context.ownLinks)) return false;
  // An uplink may use an otherwise ignored interface: a VPN of macOS (ipsec0), a black hole (lo0).
  return isDefault(route) || !isNoisy(index, context);
}

function isDefault({ prefixLength }: RouteMessage): boolean {
  return prefixLength === 0;
}

/** bsd/net/route.h: an entry about a neighbour on the link. */
const RTF_LLINFO = 0x400;

/** macOS also reports an interface when only its counters changed. */
function isDeviceChange(frame: MessageFrame, context: DeltaContext): boolean {
  const change = decodeInterfaceChange(frame);
  if (change === undefined || isNoisy(change.index, context)) return false;
  const text = `${change.flags} ${change.mtuBytes}`;
  if (context.lastStates.get(change.index) === text) return false;
  context.lastStates.set(change.index, text);
  return !isOwnState(change, context.ownLinks);
}

function isNoisy(index: number, { nameOf }: DeltaContext): boolean {
  return index !== 0 && NOISY.test(nameOf(index) ?? "");
}

function isTunnel(index: number, { nameOf }: DeltaContext): boolean {
  return TUNNEL.test(nameOf(index) ?? "");
}
