import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { PATH_NUMBERS, tableOfPath } from "../../model/ownership.ts";
import type { ResourceOf } from "../../model/resource.ts";
import { sortedPrefixes } from "../prefix-list.ts";
import type { ExpandContext, PlacedProxy, PlacedTunnel } from "./expansion.ts";
import { policyRules } from "./policy-rules.ts";
import { familyOfText } from "./tunnels/place-tunnels.ts";

/** The table of one tunnel: what its peers accept, and unreachable for the rest of either family. */
export function routeTable({ key, device, number, families, tunnel }: PlacedTunnel): ResourceOf<"routes"> {
  const allowed = tunnel.peers
    .flatMap(({ allowedIPs }) => allowedIPs)
    .filter((prefix) => families.includes(familyOfText(prefix)));
  const destinations = sortedPrefixes(allowed);
  const table = tableOfPath(number);
  return { kind: "routes", key: `routes/${key}`, spec: { table, device, destinations, guards: [4, 6], rules: [] } };
}

/**
 * The table of a proxy: everything is delivered to this host, where the filter gives it to the relay. A socket that has no
 * address yet gets one of loopback.
 */
export function relayTable({ key, number }: PlacedProxy): ResourceOf<"routes"> {
  const destinations = ["0.0.0.0/0", "::/0"];
  const spec = {
    table: tableOfPath(number),
    device: LOOPBACK_DEVICE,
    destinations,
    guards: [4, 6] as const,
    rules: [],
  };
  return { kind: "routes", key: `routes/${key}`, spec };
}

/** The policy rules of the host, and the table that ends engine traffic when there is no uplink. */
export function routingPolicy(policy: FirewallPolicy, { unsupported }: ExpandContext): ResourceOf<"routes"> {
  const { rules, standby, beyond } = policyRules(policy);
  for (const { origin } of beyond)
    unsupported.push({ path: origin, message: "too many rules change the path; order them by path" });
  const table = tableOfPath(PATH_NUMBERS.engine);
  const guards: readonly Family[] = [4, 6];
  const spec = { table, destinations: [], guards, rules, ...(standby.length === 0 ? {} : { standby }) };
  return { kind: "routes", key: "routes/policy", spec };
}

/**
 * Kernel settings that the paths need, each with the weakest value that works:
 * - arp_ignore 1: no answer on a link to ARP requests for a tunnel's address (MLLVD-CR-24-03);
 * - rp_filter 2: a reply may arrive on another device than the route back uses, which strict filtering drops. The
 * kernel uses the larger of `all` and the device's own value (Documentation/networking/ip-sysctl.rst);
 * - src_valid_mark 1: the lookup uses the mark, which records the incoming path (rule S6.6).
 */
export function kernelSettings(): ResourceOf<"sysctl"> {
  const values = {
    "net.ipv4.conf.all.arp_ignore": "1",
    "net.ipv4.conf.all.rp_filter": "2",
    "net.ipv4.conf.all.src_valid_mark": "1",
  };
  return { kind: "sysctl", key: "sysctl/machine", spec: { values } };
}
