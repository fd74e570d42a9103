import { ROUTE } from "../../../native/darwin/constants.ts";
import { decodeAddressChange, decodeInterfaceChange } from "../../../native/darwin/link/interface-message.codec.ts";
import type { MessageFrame } from "../../../native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage, type RouteMessage } from "../../../native/darwin/route/route-message.codec.ts";
import type { LinkWrite } from "../links/own-link-writes.ts";
import { isOwnSequence } from "../routes/route-socket.ts";
import { isOwnAddress, isOwnState, isRouteOfOwnAddress } from "./own-links.ts";

/**
 * Interfaces whose coming and going is no change of the network: Apple's own links between devices, and the loopback.
 * tailscale and n0-computer drop the same (darwin-notes section 3, Watch).
 */
const NOISY = /^(awdl|llw|anpi|ipsec|gif|stf|lo)[0-9]+$/;
const TUNNEL = /^utun[0-9]+$/;

/** What moved, as far as messages of the routing socket tell. */
export interface Delta {
  /**
   * The default route of the whole machine, of a family, and not into a tunnel: configd sets it for the service that it
   * makes primary, whose resolver becomes the system's (darwin-notes section 4).
   */
  readonly primaryService: boolean;
  /** A default route of one interface alone, or one into a tunnel. */
  readonly defaultRoute: boolean;
  readonly routes: boolean;
  readonly addresses: boolean;
  readonly devices: boolean;
  /** The way out or an address moved on an interface that is no tunnel: sockets of tunnels may stand on it. */
  readonly renumbered: boolean;
  /** Processes that wrote routes, ours left out. */
  readonly writers: ReadonlySet<number>;
  /** One of them changed a route that bears awg's mark. */
  readonly isOurs: boolean;
}

/** What a message is held against. */
export interface DeltaContext {
  /** Our own number: a route that carries it, with a sequence of ours, was written by this process. */
  readonly ownPid: number;
  /** What this process did to interfaces since the look before. */
  readonly ownLinks: readonly LinkWrite[];
  readonly nameOf: (index: number) => string | undefined;
  /** Flags and MTU that each interface was last told to have, by index; filled here. */
  readonly told: Map<number, string>;
}

/**
 * What changed by these messages. Of no interest are look-ups that failed (RTM_MISS comes by the hundred), routes that the
 * kernel clones for single neighbours, refused requests, multicast, interfaces without meaning, and what this process
 * wrote itself: routes told by its number and sequence, what it did to interfaces by its content, with the kernel's route to
 * an address of ours, so that others' changes at the same time are not lost.
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
  // The way out may lie by an interface that is else of no interest: a VPN of macOS's own (ipsec0), a black hole (lo0).
  return isDefault(route) || !isNoisy(index, context);
}

function isDefault({ prefixLength }: RouteMessage): boolean {
  return prefixLength === 0;
}

/** bsd/net/route.h: an entry about a neighbour on the link. */
const RTF_LLINFO = 0x400;

/** macOS tells of an interface also when nothing but its counters changed. */
function isDeviceChange(frame: MessageFrame, context: DeltaContext): boolean {
  const change = decodeInterfaceChange(frame);
  if (change === undefined || isNoisy(change.index, context)) return false;
  const text = `${change.flags} ${change.mtuBytes}`;
  if (context.told.get(change.index) === text) return false;
  context.told.set(change.index, text);
  return !isOwnState(change, context.ownLinks);
}

function isNoisy(index: number, { nameOf }: DeltaContext): boolean {
  return index !== 0 && NOISY.test(nameOf(index) ?? "");
}

function isTunnel(index: number, { nameOf }: DeltaContext): boolean {
  return TUNNEL.test(nameOf(index) ?? "");
}
