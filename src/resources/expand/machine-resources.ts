import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { PATH_NUMBERS, tableOfPath } from "../../model/ownership.ts";
import type { Resource, ResourceOf } from "../../model/resource.ts";
import { sortedPrefixes } from "../prefix-list.ts";
import type { ExpandContext, PlacedTunnel } from "./expansion.ts";
import { policyRules } from "./policy-rules.ts";
import { familyOfText } from "./tunnels/place-tunnels.ts";

/** The table of one tunnel: what its peers take, and nothing beyond it in either family. */
export function routeTable({ key, device, number, families, tunnel }: PlacedTunnel): ResourceOf<"routes"> {
  const allowed = tunnel.peers
    .flatMap(({ allowedIPs }) => allowedIPs)
    .filter((prefix) => families.includes(familyOfText(prefix)));
  const destinations = sortedPrefixes(allowed);
  const table = tableOfPath(number);
  return { kind: "routes", key: `routes/${key}`, spec: { table, device, destinations, guards: [4, 6], rules: [] } };
}

/** The policy rules of the machine, and the table that ends what engines send when there is no way out. */
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
 * Kernel settings that the paths need, each the weakest that does:
 * - arp_ignore 1: no answer on the wire to who asks for a tunnel's address (MLLVD-CR-24-03);
 * - rp_filter 2: an answer may come by another device than a question would leave by, which strict filtering drops; the
 *   kernel takes the larger of `all` and the device's own value (Documentation/networking/ip-sysctl.rst);
 * - src_valid_mark 1: the look-up goes by the mark, which says by which way the packet came (rule S6.6).
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
 * The system resolver; none where the configuration names no servers or no link could carry them. Servers for single
 * domains need a machine whose resolver has them.
 */
export function systemResolver({ config, facts, tunnels, notes }: ExpandContext): Resource[] {
  const dns = config.dns;
  if (dns === undefined) return [];
  const isSplit = Object.keys(dns.split).length > 0;
  if (dns.servers.length === 0 && !isSplit) return [];
  const via = dns.via;
  const device =
    via.kind === "tunnel" ? tunnels.find(({ key }) => key === via.tunnel)?.device : facts.uplinks[0]?.device;
  const method = facts.resolver;
  if (method === "resolved" && device === undefined) {
    notes.push({ path: "dns", message: "systemd-resolved is left as it is: no link could carry the servers" });
    return [];
  }
  const split = isSplit ? { split: dns.split } : {};
  const carrier = method === "resolved" ? (device ?? "") : "";
  const spec = { method, servers: dns.servers, search: [], device: carrier, ...split };
  notes.push({
    path: "dns.servers",
    message: "programs may ignore the system resolver; the packet filter holds DNS to its path",
    enforcement: "best-effort",
  });
  return [{ kind: "resolver", key: "resolver/machine", spec }];
}
