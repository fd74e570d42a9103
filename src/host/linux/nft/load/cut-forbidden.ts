import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { cutFlows, readFlowsAsync } from "../../../../native/linux/conntrack/conntrack.ffi.ts";
import type { Flow } from "../../../../native/linux/conntrack/flow.codec.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { openRouteNetlink } from "../../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { forbiddenFlows, localAddresses } from "./forbidden-flows.ts";

/** Deletes the conntrack entries of flows that the policy forbids (rule S11.1). */
export function cutForbidden(socket: NetlinkSocket, policy: FirewallPolicy, flows: readonly Flow[]): void {
  if (flows.length === 0) return;
  using netlink = openRouteNetlink();
  const local = localAddresses(netlink.addresses().map(({ address }) => address));
  cutFlows(socket, forbiddenFlows(policy, flows, local));
}

/** All tracked flows; empty if the kernel has no conntrack table. */
export async function trackedFlows(socket: NetlinkSocket): Promise<readonly Flow[]> {
  try {
    return await readFlowsAsync(socket);
  } catch (error) {
    if (hasErrno(error, "EINVAL", "EOPNOTSUPP", "EPROTONOSUPPORT")) return [];
    throw error;
  }
}
