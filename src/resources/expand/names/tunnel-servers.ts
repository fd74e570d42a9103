import { allServers } from "../../../model/dns/name-server.ts";
import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../../model/firewall/flow-path.ts";
import { PROTOCOL } from "../../../model/firewall/packet.ts";
import type { FlowRule } from "../../../model/firewall/policy.ts";
import { parsePrefix, prefixContains } from "../../../model/prefix.ts";
import { sortedPrefixes } from "../../prefix-list.ts";
import { type ExpandContext, type Note, type PlacedTunnel, pathRefOf } from "../expansion.ts";

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

/** Refuses servers of tunnels of which one address would need two paths. */
export function refuseTunnelServers({ config, facts, tunnels, unsupported }: ExpandContext): void {
  if (facts.os === "darwin") return;
  const owners = new Map(
    allServers(config.dns).flatMap((server) => (typeof server === "string" ? [[server, "dns"]] : [])),
  );
  for (const { key, tunnel } of tunnels) {
    for (const [index, server] of (tunnel.dns ?? []).entries()) {
      const owner = owners.get(server);
      if (owner !== undefined && owner !== key) {
        const message = `${server} is a server of ${owner} too; one address has one path`;
        unsupported.push({ path: `tunnels.${key}.dns.${index}`, message });
      }
      owners.set(server, key);
    }
  }
}

/** The servers of tunnels that these do not carry. */
export function tunnelServerNotes({ facts, tunnels }: ExpandContext): Note[] {
  if (facts.os === "darwin") return [];
  return tunnels.flatMap((placed) => {
    const { key, tunnel } = placed;
    return (tunnel.dns ?? []).flatMap((server, index) =>
      carries(placed, server) ? [] : [{ path: `tunnels.${key}.dns.${index}`, message: outsideAllowed(server, key) }],
    );
  });
}

/** That a tunnel does not carry an address. */
export function outsideAllowed(server: string, tunnel: string): string {
  return `${server} is outside the allowedIPs of tunnel ${tunnel}, so it cannot be reached`;
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
