import { steer } from "../../../../model/firewall/evaluate.ts";
import { withFallback } from "../../../../model/firewall/fallback.ts";
import { type Packet, PROTOCOL } from "../../../../model/firewall/packet.ts";
import {
  type FirewallPolicy,
  type PathRef,
  type PathSwitch,
  type PolicyTunnel,
  relayEndpoints,
} from "../../../../model/firewall/policy.ts";
import { parseIp } from "../../../../model/ip.ts";
import type { Flow } from "../../../../native/linux/conntrack/flow.codec.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import {
  type DiagSocket,
  decodeSocket,
  encodeConnectionEnd,
  encodeSocketDump,
  NETLINK_SOCK_DIAG,
  TCP_STATES,
} from "../../../../native/linux/netlink/inet-diag.codec.ts";
import { openNetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";

/** What was in force, and is now. */
export interface Switched {
  readonly before: readonly PathSwitch[];
  readonly inForce: readonly PathSwitch[];
}

/**
 * Ends the TCP connections of this host that began on a tunnel which does not carry them any more: their programs get
 * ECONNABORTED and connect again, instead of waiting for answers to an address that the other tunnel does not have. Without
 * INET_DIAG_DESTROY in the kernel they are left to their timeouts.
 *
 * @param flows what conntrack knew before the switch
 */
export function endMovedConnections(
  policy: FirewallPolicy,
  { before, inForce }: Switched,
  flows: readonly Flow[],
): void {
  using diag = openNetlinkSocket(NETLINK_SOCK_DIAG);
  const sockets = ([4, 6] as const).flatMap((family) =>
    diag
      .dump(encodeSocketDump("tcp", family, TCP_STATES.connected), "reading the tcp sockets")
      .map(decodeSocket)
      .filter((found) => found !== undefined),
  );
  for (const socket of movedConnections(policy, { before, inForce }, { sockets, flows })) {
    try {
      diag.request(encodeConnectionEnd(socket), "ending a connection of a tunnel that is down");
    } catch (error) {
      if (hasErrno(error, "EOPNOTSUPP")) return;
      // Its program was faster.
      if (!hasErrno(error, "ENOENT")) throw error;
    }
  }
}

/**
 * The connections that this host opened from an address of a tunnel, and that now take another path than that tunnel's, or
 * took another while a tunnel was down and would now return to it. Rules with `openFlows: keep` leave those of their own
 * tunnel alone. Also what this switch moves to or from a proxy: its relay knows only what it accepted. Pure.
 */
export function movedConnections(
  policy: FirewallPolicy,
  { before, inForce }: Switched,
  { sockets, flows }: { readonly sockets: readonly DiagSocket[]; readonly flows: readonly Flow[] },
): DiagSocket[] {
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const proxies = new Set(policy.layers.flatMap((layer) => (layer.proxies ?? []).map(({ number }) => number)));
  const [was, now] = [withFallback(policy, before), withFallback(policy, inForce)];
  const opened = new Set(flows.map(({ original }) => nameOf(original)));
  return sockets.filter(({ local, remote, uid }) => {
    const owners = tunnels.filter(({ addresses }) => addresses.includes(local.address));
    if (owners.length === 0 && proxies.size === 0) return false;
    const tuple = {
      source: local.address,
      sourcePort: local.port,
      destination: remote.address,
      destinationPort: remote.port,
    };
    if (!opened.has(nameOf({ ...tuple, protocol: PROTOCOL.tcp }))) return false;
    const [source, destination] = [parseIp(local.address), parseIp(remote.address)];
    if (source === undefined || destination === undefined) return false;
    const packet: Packet = {
      hook: "output",
      protocol: PROTOCOL.tcp,
      source,
      destination,
      sourcePort: local.port,
      destinationPort: remote.port,
      uid,
    };
    const [written, last, path] = [steer(policy, packet), steer(was, packet), steer(now, packet)];
    if (isProxied(last, proxies) || isProxied(path, proxies))
      return numberOf(last) !== numberOf(path) && !isRelayOwn(policy, remote);
    if (written.kind !== "tunnel" || !canMove(written, owners)) return false;
    if (path.kind === "tunnel" && owners.some(({ number }) => number === path.number)) return false;
    return written.keepsFlows !== true || owners.every(({ number }) => number !== written.number);
  });
}

function isProxied(path: PathRef, proxies: ReadonlySet<number>): boolean {
  return path.kind === "tunnel" && proxies.has(path.number);
}

/** A relay's connection to its proxy. */
function isRelayOwn({ layers }: FirewallPolicy, { address, port }: DiagSocket["remote"]): boolean {
  return layers.flatMap(relayEndpoints).some((one) => one.address === address && one.port === port);
}

function numberOf(path: PathRef): number | undefined {
  return path.kind === "tunnel" ? path.number : undefined;
}

type TunnelPath = Extract<ReturnType<typeof steer>, { kind: "tunnel" }>;

/** Whether the rule's own tunnel, or one that stands in for it, has the address. */
function canMove({ number, substitutes = [] }: TunnelPath, owners: readonly PolicyTunnel[]): boolean {
  const carriers = [number, ...substitutes.map((one) => one.number)];
  return owners.some((owner) => carriers.includes(owner.number));
}

function nameOf({ source, sourcePort, destination, destinationPort, protocol }: Flow["original"]): string {
  return `${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`;
}
