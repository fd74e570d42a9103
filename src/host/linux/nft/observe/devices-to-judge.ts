import { openRouteNetlink } from "../../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { Capabilities } from "../../../ports/facts.ts";
import { type ListLinks, listLinks } from "../../links.ts";
import type { JudgedDevices } from "./physical-devices.ts";
import type { LinksAndRoutes } from "./uplinks.ts";

/** Kinds of links that need a distinction; without one, all devices but loopback and tunnels are judged. */
const DISTINGUISHED_KINDS: readonly string[] = ["bridge", "dsa", "ifb"];

/** The devices on which frames are judged now; none on a kernel without the egress hook. Reads only. */
export async function devicesToJudge(
  { egressHook }: Pick<Capabilities, "egressHook">,
  tunnels: readonly string[],
  list: ListLinks = listLinks,
): Promise<JudgedDevices> {
  if (!egressHook) return { physical: [], guestBridges: [] };
  using netlink = openRouteNetlink();
  return await judgedOf({ links: list, routes: (filter) => netlink.routes(filter) }, tunnels);
}

/** `judgedDevices`; its code is loaded only on hosts with a bridge or the like. */
export async function judgedOf(netlink: LinksAndRoutes, tunnels: readonly string[]): Promise<JudgedDevices> {
  const links = netlink.links();
  if (links.some(({ kind = "" }) => DISTINGUISHED_KINDS.includes(kind))) {
    const { judgedDevices } = await import("./physical-devices.ts");
    return judgedDevices(netlink, tunnels);
  }
  const judged = links.filter(({ loopback, name }) => !loopback && !tunnels.includes(name));
  return { physical: judged.map(({ name }) => name).toSorted(), guestBridges: [] };
}
