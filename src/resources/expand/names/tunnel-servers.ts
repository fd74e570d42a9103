import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../../model/firewall/flow-path.ts";
import { PROTOCOL } from "../../../model/firewall/packet.ts";
import type { FlowRule } from "../../../model/firewall/policy.ts";
import { parsePrefix, prefixContains } from "../../../model/prefix.ts";
import { sortedPrefixes } from "../../prefix-list.ts";
import { type ExpandContext, type PlacedTunnel, pathRefOf } from "../expansion.ts";

const PORTS = [DNS_PORT, DNS_ENCRYPTED_PORT].map((port) => ({ from: port, to: port }));

/** Tunnels with DNS servers of their own, where awg's resolver can query them. */
function tunnelsWithServers({ config, tunnels, facts }: ExpandContext): readonly PlacedTunnel[] {
  if (facts.os === "darwin" || (config.dns?.servers ?? []).length === 0) return [];
  return tunnels.filter(({ tunnel }) => (tunnel.dns ?? []).length > 0);
}

/** The DNS servers of tunnels, by the number of their path. */
export function serversByPath(context: ExpandContext): ReadonlyMap<number, readonly string[]> {
  return new Map(tunnelsWithServers(context).map(({ number, tunnel }) => [number, tunnel.dns ?? []]));
}

/** The servers of tunnels that `dns` does not name; rules lead to them. */
export function serversOfTunnels(context: ExpandContext): readonly string[] {
  return [...new Set([...serversByPath(context).values()].flat())].toSorted();
}

/** Rules that send DNS to the servers of a tunnel by this tunnel, before all others; a down tunnel has no DNS. */
export function tunnelServerRules(context: ExpandContext): FlowRule[] {
  return tunnelsWithServers(context).flatMap(({ key, tunnel }) => {
    const destinations = sortedPrefixes(tunnel.dns ?? []);
    return [PROTOCOL.udp, PROTOCOL.tcp].map((protocol) => ({
      origin: `tunnels/${key}/dns`,
      match: { destinations, ports: PORTS, protocol },
      path: pathRefOf({ kind: "tunnel", tunnel: key }, context),
    }));
  });
}

/** Refuses servers of tunnels that could not be told apart, or that nothing would query; notes the unreachable. */
export function refuseTunnelServers(context: ExpandContext): void {
  const { config, facts, tunnels, unsupported, notes } = context;
  if (facts.os === "darwin") return;
  const declared = [...(config.dns?.servers ?? []), ...Object.values(config.dns?.split ?? {}).flat()];
  const owners = new Map(declared.flatMap((server) => (typeof server === "string" ? [[server, "dns"]] : [])));
  for (const placed of tunnels) {
    const { key, tunnel } = placed;
    const servers = tunnel.dns ?? [];
    for (const [index, server] of servers.entries()) {
      const path = `tunnels.${key}.dns.${index}`;
      const owner = owners.get(server);
      if (owner !== undefined && owner !== key) {
        const message = `${server} is a server of ${owner} too; one address has one path`;
        unsupported.push({ path, message });
      }
      owners.set(server, key);
      if (!carries(placed, server))
        notes.push({ path, message: `${server} is outside the allowedIPs of tunnel ${key}, so it cannot be reached` });
    }
  }
}

/** Whether a tunnel leads to an address. */
export function carries({ families, tunnel }: PlacedTunnel, address: string): boolean {
  const inner = parsePrefix(address);
  if (inner === undefined || !families.includes(inner.family)) return false;
  return tunnel.peers.some(({ allowedIPs }) =>
    allowedIPs.some((text) => {
      const outer = parsePrefix(text);
      return outer !== undefined && prefixContains(outer, inner);
    }),
  );
}
