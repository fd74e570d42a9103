import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";

/** Kinds of links that, as ports of a bridge, lead to guests. */
const GUEST_PORT_KINDS: readonly string[] = ["veth", "tun"];

/**
 * The devices on which frames are judged (docs/security.md S9.4): all but loopback, tunnels of the policy, bridges
 * (their ports are judged) and ports of a bridge that lead to guests. Sorted.
 */
export function physicalDevices(links: readonly Link[], tunnelDevices: readonly string[]): string[] {
  const bridges = new Set(links.filter((link) => link.kind === "bridge").map((link) => link.index));
  const isGuestPort = (link: Link) =>
    link.masterIndex !== undefined && bridges.has(link.masterIndex) && GUEST_PORT_KINDS.includes(link.kind ?? "");
  return links
    .filter(
      (link) => !link.loopback && link.kind !== "bridge" && !tunnelDevices.includes(link.name) && !isGuestPort(link),
    )
    .map((link) => link.name)
    .toSorted();
}
