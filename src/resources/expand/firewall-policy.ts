import type {
  AllowGrant,
  EndpointGrant,
  FirewallPolicy,
  PolicyLayer,
  PolicyProxy,
  PolicyTunnel,
  Steering,
} from "../../model/firewall/policy.ts";
import { compareIp, type IpAddress, parseIp } from "../../model/ip.ts";
import { hasPacketFilter } from "../packet-filter.ts";
import type { ExpandContext, Note, PlacedProxy, PlacedTunnel } from "./expansion.ts";
import { dnsPolicy } from "./names/dns-policy.ts";
import { loginPage, portalProbe } from "./portal.ts";
import { PROTOCOL_NUMBERS } from "./programs/match-alternatives.ts";
import { carriesUdp } from "./tunnels/place-proxies.ts";
import { familyOfText } from "./tunnels/place-tunnels.ts";

const UDP = 17;
const TCP = 6;

/** The packet policy of the host (docs/reference/security-rules.md). */
export function firewallPolicy(context: ExpandContext, flows: Steering): FirewallPolicy {
  const { config, facts, tunnels, proxies } = context;
  const { enabled, allowLan } = config.killSwitch;
  const layer: PolicyLayer = {
    killSwitch: enabled,
    tunnels: tunnels.map((placed) => policyTunnel(placed, context)),
    ...(proxies.length === 0 ? {} : { proxies: proxies.map(policyProxy) }),
    flows,
    endpoints: [...endpointGrants(tunnels, proxies), ...portalProbe(context)],
    listens: listeningPorts(tunnels).map((port) => ({ port })),
    bootstrapDns: bootstrapServers(context),
    serviceUid: facts.serviceUid,
    ...adoptedUids(context),
    allowLan,
    allow: [...allowGrants(context), ...loginPage(context)],
    dns: dnsPolicy(context),
  };
  return { steering: flows, layers: [layer] };
}

/**
 * The servers that awg queries for endpoints. Without the kill switch the host's own serve if the config names none;
 * DNS leak protection would drop these queries, too.
 */
function bootstrapServers({ config, facts, portal }: ExpandContext): string[] {
  const { bootstrap = [], leakProtection = false } = config.dns ?? {};
  const isOpen = bootstrap.length === 0 && leakProtection && !config.killSwitch.enabled;
  const servers = isOpen ? (facts.nameServers ?? []).filter(isRemote) : bootstrap;
  return [...new Set([...servers, ...(portal?.servers ?? [])])];
}

/** Loopback needs no grant. */
function isRemote(server: string): boolean {
  return !/^(127\.|::1$)/.test(server);
}

/** An engine that is taken over keeps its user: the owner of its sockets cannot change. */
function adoptedUids({ facts, tunnels }: ExpandContext): Pick<PolicyLayer, "adoptedUids"> {
  const uids = tunnels.flatMap(({ device }) => facts.foreignEngines?.[device]?.uid ?? []);
  const others = [...new Set(uids)].filter((uid) => uid !== facts.serviceUid).toSorted((a, b) => a - b);
  return others.length === 0 ? {} : { adoptedUids: others };
}

function policyTunnel({ device, number, families, tunnel }: PlacedTunnel, { config }: ExpandContext): PolicyTunnel {
  const addresses = tunnel.addresses
    .filter((address) => familyOfText(address) === 4 || config.ipv6 !== "block")
    .map((address) => address.slice(0, address.indexOf("/")));
  return { device, number, addresses: [...new Set(addresses)], families };
}

function policyProxy({ number, proxy }: PlacedProxy): PolicyProxy {
  return { number, udp: carriesUdp(proxy) };
}

/** A SOCKS5 proxy chooses the port for each UDP session. */
function proxyGrants({ endpoint, proxy }: PlacedProxy): EndpointGrant[] {
  if (endpoint === undefined) return [];
  const { address } = endpoint;
  return [{ ...endpoint, protocol: TCP }, ...(carriesUdp(proxy) ? [{ address, protocol: UDP } as const] : [])];
}

function endpointGrants(tunnels: readonly PlacedTunnel[], proxies: readonly PlacedProxy[]): EndpointGrant[] {
  const grants = new Map<string, EndpointGrant>();
  for (const grant of proxies.flatMap(proxyGrants)) {
    grants.set(`${grant.address} ${grant.protocol} ${grant.port ?? ""}`, grant);
  }
  for (const { endpoints } of tunnels) {
    for (const { address, port } of [...endpoints.values()].flat()) {
      grants.set(`${address} ${port}`, { address, port, protocol: UDP });
    }
  }
  const number = ({ address }: EndpointGrant): IpAddress => parseIp(address) ?? { family: 4, value: 0n };
  return [...grants.values()].toSorted((a, b) => compareIp(number(a), number(b)) || (a.port ?? 0) - (b.port ?? 0));
}

/** A tunnel accepts packets from any address only for peers that dial in, which have no endpoint. */
function listeningPorts(tunnels: readonly PlacedTunnel[]): number[] {
  const ports = tunnels
    .filter(({ tunnel }) => tunnel.listenPort > 0 && tunnel.peers.some(({ endpoint }) => endpoint === undefined))
    .map(({ tunnel }) => tunnel.listenPort);
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

function allowGrants({ config }: ExpandContext): AllowGrant[] {
  return config.killSwitch.allow.map(({ direction, protocol, ports, remote }) => {
    const number = PROTOCOL_NUMBERS[protocol];
    return {
      direction,
      ...(number === undefined ? {} : { protocol: number }),
      ...(ports === undefined ? {} : { ports }),
      ...(remote === undefined ? {} : { prefixes: remote }),
    };
  });
}

/** What the exceptions of the kill switch let pass. */
export function exceptionNotes({ config, facts }: ExpandContext): Note[] {
  const { allowLan, allow } = config.killSwitch;
  const enforcement = hasPacketFilter(facts.capabilities) ? "enforced" : "unsupported";
  const dns = config.dns?.leakProtection === true ? "except for DNS" : "also their DNS servers";
  const lan = { path: "killSwitch.allowLan", message: `hosts on the local link are reached directly, ${dns}` };
  const others = allow.map(({ direction }, index) => ({
    path: `killSwitch.allow.${index}`,
    message: direction === "in" ? "others may connect to this host here" : "goes direct, exempt from the kill switch",
  }));
  return [...(allowLan ? [lan] : []), ...others].map((note) => ({ ...note, enforcement }));
}
