import { ROUTE } from "../../../native/darwin/constants.ts";
import type { InterfaceAddress, InterfaceChange } from "../../../native/darwin/link/interface-message.codec.ts";
import type { MessageFrame } from "../../../native/darwin/route/message-frames.codec.ts";
import type { RouteMessage } from "../../../native/darwin/route/route-message.codec.ts";
import type { LinkWrite } from "../links/own-link-writes.ts";

/**
 * Whether an address was added or removed as this process just did. The same change by another program at that moment
 * is not reported, which is harmless: the result is the same.
 */
export function isOwnAddress(
  { type }: MessageFrame,
  reported: InterfaceAddress,
  writes: readonly LinkWrite[],
): boolean {
  const change = type === ROUTE.RTM_NEWADDR ? "added" : "removed";
  return writes.some(
    (one) =>
      one.what === "address" &&
      one.change === change &&
      one.index === reported.index &&
      one.address === reported.address,
  );
}

/** Whether an interface has the flags and the MTU that this process just set. */
export function isOwnState({ index, flags, mtuBytes }: InterfaceChange, writes: readonly LinkWrite[]): boolean {
  return writes.some(
    (one) => one.what === "state" && one.index === index && one.mtuBytes === mtuBytes && one.flags === flags,
  );
}

/** Whether it is the kernel's route to an address of ours, added or removed with it; such routes name no process. */
export function isRouteOfOwnAddress(route: RouteMessage, writes: readonly LinkWrite[]): boolean {
  const { type, pid, index, family, destination, prefixLength } = route;
  if (pid !== 0 || destination === undefined) return false;
  const change = type === ROUTE.RTM_ADD ? "added" : "removed";
  const text = `${destination}/${prefixLength}`;
  return writes.some(
    (one) =>
      one.what === "address" &&
      one.change === change &&
      one.index === index &&
      (one.prefix === text || `${one.address}/${family === 4 ? 32 : 128}` === text),
  );
}
