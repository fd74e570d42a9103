import { NAME_SERVICE_ADDRESS } from "../../model/dns/name-service.ts";
import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { PATH_NUMBERS, tableOfPath } from "../../model/ownership.ts";
import type { Resource, ResourceOf } from "../../model/resource.ts";
import { sortedPrefixes } from "../prefix-list.ts";
import { nameSetsIn } from "./destinations.ts";
import type { ExpandContext, PlacedProxy, PlacedTunnel } from "./expansion.ts";
import { policyRules } from "./policy-rules.ts";
import { familyOfText } from "./tunnels/place-tunnels.ts";

/** How long addresses of a domain stay in its rules after their TTL. */
const GRACE_SECONDS = 300;

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

/**
 * The system resolver; none if the config names no servers or no link could carry them. Servers for single domains need
 * a host whose resolver supports them.
 */
export function systemResolver(context: ExpandContext): Resource[] {
  const { config, facts, tunnels, proxies, notes } = context;
  const dns = config.dns;
  if (dns === undefined) return [];
  const isSplit = Object.keys(dns.split).length > 0;
  if (dns.servers.length === 0 && !isSplit) return [];
  const via = dns.via;
  const isOnTunnel = via.kind === "tunnel" && !proxies.some(({ key }) => key === via.tunnel);
  const device = isOnTunnel ? tunnels.find(({ key }) => key === via.tunnel)?.device : facts.uplinks[0]?.device;
  const method = facts.resolver;
  if (method === "resolved" && device === undefined) {
    notes.push({ path: "dns", message: "systemd-resolved is unchanged: no link can carry the servers" });
    return [];
  }
  const split = isSplit ? { split: dns.split } : {};
  const carrier = method === "resolved" ? (device ?? "") : "";
  const sets = nameSetsIn(context);
  const isServed = facts.os !== "darwin" && (isSplit || sets.length > 0);
  const service = {
    listen: NAME_SERVICE_ADDRESS,
    servers: dns.servers,
    ...split,
    sets,
    graceSeconds: dns.grace ?? GRACE_SECONDS,
  };
  const spec = {
    method,
    servers: isServed ? [NAME_SERVICE_ADDRESS] : dns.servers,
    search: [],
    device: carrier,
    ...(isServed ? { service } : split),
  };
  notes.push({
    path: "dns.servers",
    message: "programs that bypass the system resolver are still held to the DNS path",
    enforcement: "best-effort",
  });
  return [{ kind: "resolver", key: "resolver/machine", spec }];
}
