import { ROUTE } from "../../../native/darwin/constants.ts";
import { decodeAddressChange, decodeInterfaceChange } from "../../../native/darwin/link/interface-message.codec.ts";
import type { MessageFrame } from "../../../native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage, type RouteMessage } from "../../../native/darwin/route/route-message.codec.ts";

/**
 * Interfaces whose coming and going is no change of the network: Apple's own links between devices, and the loopback.
 * tailscale and n0-computer drop the same (darwin-notes section 3, Watch).
 */
const NOISY = /^(awdl|llw|anpi|ipsec|gif|stf|lo)[0-9]+$/;
const TUNNEL = /^utun[0-9]+$/;

/** What moved, as far as messages of the routing socket tell. */
export interface Delta {
  /** The default route of a family, of the whole machine or of one interface: the way out of the machine. */
  readonly defaultRoute: boolean;
  readonly routes: boolean;
  readonly addresses: boolean;
  readonly devices: boolean;
  /** The way out or an address moved on an interface that is no tunnel: sockets of tunnels may stand on it. */
  readonly renumbered: boolean;
  /** Processes that wrote routes, ours left out. */
  readonly writers: ReadonlySet<number>;
}

/** What a message is held against. */
export interface DeltaContext {
  /** Our own number: what carries it, with a sequence of ours, was written by this process. */
  readonly ownPid: number;
  readonly nameOf: (index: number) => string | undefined;
  /** Flags and MTU that each interface was last told to have, by index; filled here. */
  readonly told: Map<number, string>;
}

/**
 * What changed by these messages. Of no interest are look-ups that failed (RTM_MISS comes by the hundred), routes that the
 * kernel clones for single neighbours, refused requests, multicast, interfaces without meaning, and what this process
 * wrote itself: told by its number and sequence, so that others' changes at the same time are not lost.
 *
 * @throws AwgError("host") for a message that cannot be read.
 */
export function classify(frames: readonly MessageFrame[], context: DeltaContext): Delta {
  const delta = { defaultRoute: false, routes: false, addresses: false, devices: false, renumbered: false };
  const writers = new Set<number>();
  for (const frame of frames) {
    const route = decodeRouteMessage(frame);
    if (route !== undefined) {
      if (!isChange(route, context)) continue;
      const isDefault = route.prefixLength === 0;
      delta.defaultRoute ||= isDefault;
      delta.routes ||= !isDefault;
      delta.renumbered ||= isDefault && !isTunnel(route.index, context);
      if (route.pid > 0) writers.add(route.pid);
      continue;
    }
    const address = decodeAddressChange(frame);
    if (address !== undefined && !isNoisy(address.index, context)) {
      delta.addresses = true;
      delta.renumbered ||= !isTunnel(address.index, context);
    }
    delta.devices ||= isDeviceChange(frame, context);
  }
  return { ...delta, writers };
}

function isChange({ type, flags, errno, index, pid, sequence }: RouteMessage, context: DeltaContext): boolean {
  if (type !== ROUTE.RTM_ADD && type !== ROUTE.RTM_DELETE && type !== ROUTE.RTM_CHANGE) return false;
  if (errno !== 0 || (flags & (ROUTE.RTF_WASCLONED | RTF_LLINFO)) !== 0) return false;
  if (pid === context.ownPid && sequence !== 0) return false;
  return !isNoisy(index, context);
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
  return true;
}

function isNoisy(index: number, { nameOf }: DeltaContext): boolean {
  return index !== 0 && NOISY.test(nameOf(index) ?? "");
}

function isTunnel(index: number, { nameOf }: DeltaContext): boolean {
  return TUNNEL.test(nameOf(index) ?? "");
}
