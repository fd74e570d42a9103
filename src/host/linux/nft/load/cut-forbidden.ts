import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { cutFlows, readFlowsAsync } from "../../../../native/linux/conntrack/conntrack.ffi.ts";
import type { Flow } from "../../../../native/linux/conntrack/flow.codec.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { openRouteNetlink } from "../../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { forbiddenFlows, isLoopback, localAddresses } from "./forbidden-flows.ts";

/** Deletes the conntrack entries of flows that the policy forbids (rule S11.1). */
export function cutForbidden(socket: NetlinkSocket, policy: FirewallPolicy, flows: readonly Flow[]): void {
  if (flows.length === 0) return;
  using netlink = openRouteNetlink();
  const local = localAddresses(netlink.addresses().map(({ address }) => address));
  cutFlows(socket, forbiddenFlows(policy, flows, local));
}

/**
 * The tracked flows that may leave this host; empty if the kernel has no conntrack table. Those within it are left out: a
 * stranger can open as many as there are ports.
 */
export async function trackedFlows(socket: NetlinkSocket): Promise<readonly Flow[]> {
  try {
    return await readFlowsAsync(socket, ({ original }) => !isLoopback(original.source));
  } catch (error) {
    if (hasErrno(error, "EINVAL", "EOPNOTSUPP", "EPROTONOSUPPORT")) return [];
    throw error;
  }
}
