import type { InterfaceAddress } from "../../../native/linux/rtnetlink/interface-address.codec.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../native/linux/rtnetlink/route.codec.ts";
import type { GuestBridge } from "../../ports/environment.ts";

const ANYWHERE = "0.0.0.0/0";

/** Bridges with ports and an IPv4 address and without a default route, which would make them uplinks. Pure. */
export function guestBridges(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
  routes: readonly Route[],
): readonly GuestBridge[] {
  const bridges = links.filter(
    ({ kind, index, up }) =>
      kind === "bridge" &&
      up &&
      links.some(({ masterIndex }) => masterIndex === index) &&
      !routes.some(({ destination, oif }) => destination === ANYWHERE && oif === index),
  );
  return bridges.flatMap(({ index, name: device }) =>
    addresses
      .filter(({ family, linkIndex }) => family === 4 && linkIndex === index)
      .map(({ address }) => ({ device, address })),
  );
}
