import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { learnFlows } from "../../../../native/linux/conntrack/conntrack.ffi.ts";
import {
  type DiagSocket,
  decodeSocket,
  encodeSocketDump,
  NETLINK_SOCK_DIAG,
  TCP_STATES,
} from "../../../../native/linux/netlink/inet-diag.codec.ts";
import { openNetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { openNetfilterSocket } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { openRouteNetlink } from "../../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { acceptedFlows } from "./accepted-flows.ts";
import { localAddresses } from "./forbidden-flows.ts";

/**
 * Adds to conntrack the TCP connections that other hosts opened to this one and that the policy lets in (rule S11.2). Until a
 * rule uses conntrack, it tracks no packet; then it takes the next sender for the side that opened the connection.
 */
export function learnStanding(policy: FirewallPolicy): void {
  const listening = dumpTcp(TCP_STATES.listening);
  if (listening.length === 0) return;
  const connected = dumpTcp(TCP_STATES.connected);
  using routes = openRouteNetlink();
  const local = localAddresses(routes.addresses().map(({ address }) => address));
  using socket = openNetfilterSocket();
  learnFlows(socket, acceptedFlows(policy, { listening, connected }, local));
}

function dumpTcp(states: number): DiagSocket[] {
  using diag = openNetlinkSocket(NETLINK_SOCK_DIAG);
  return ([4, 6] as const).flatMap((family) =>
    diag
      .dump(encodeSocketDump("tcp", family, states), "reading the tcp sockets")
      .map(decodeSocket)
      .filter((found) => found !== undefined),
  );
}
