import type { NoiseTunnel, Peer } from "../../../config/config.ts";
import type { HostFacts } from "../../../host/ports/facts.ts";
import { compareIp, type IpAddress } from "../../../model/ip.ts";
import { ENGINE_MARK } from "../../../model/ownership.ts";
import { parsePrefix } from "../../../model/prefix.ts";
import type { ResourceOf } from "../../../model/resource.ts";
import type { PeerSpec, TunnelSpec } from "../../../model/resources/tunnel.ts";
import type { SecretId, SecretRef } from "../../../model/secret.ts";
import { sortedPrefixes } from "../../prefix-list.ts";
import { obfuscationParameters } from "../../tunnel/obfuscation.ts";
import type { ExpandContext, PlacedTunnel, ResolvedEndpoint } from "../expansion.ts";
import { standbyOf } from "../fallback/fallback-paths.ts";
import { isAdopting } from "../lifecycle.ts";
import { renderEndpointText } from "./choose-endpoint.ts";
import { familyOfText } from "./place-tunnels.ts";

/**
 * IPv6 header 40, UDP 8, WireGuard transport header and tag 32. IPv4 needs 20 less; as in wg-quick that room is left
 * for a peer that roams, or a name that moves to IPv6. Content padding and random trailers need none: engines pad up to
 * the device's MTU at most.
 */
const OVERHEAD_BYTES = 80;
/** No link that carries IPv6 may be narrower (RFC 8200 section 5). */
const LEAST_MTU_BYTES = 1280;
/** The MTU of Ethernet, used while no uplink is known. */
const USUAL_MTU_BYTES = 1500;

type Secrets = (ref: SecretRef) => SecretId;

/** The device and the engine of one tunnel. */
export function tunnelResources(
  placed: PlacedTunnel,
  context: ExpandContext,
  secrets: Secrets,
): [ResourceOf<"link">, ResourceOf<"tunnel">] {
  const { key, device, unit, tunnel, engine } = placed;
  // On standby it would send although nothing uses it; the daemon asks for handshakes.
  const isQuiet = ["cold", "prewarmed"].includes(standbyOf(context).standby?.[device] ?? "");
  const link: ResourceOf<"link"> = {
    kind: "link",
    key: `link/${key}`,
    spec: {
      device,
      type: engine === "kernel" ? "wireguard" : "tun",
      addresses: linkAddresses(tunnel, context),
      mtuBytes: mtuOf(placed, context.facts),
      tunnel: key,
      ...(unit === undefined ? {} : { unit }),
      ...(isAdopting(context.config, key) ? { adopt: true } : {}),
    },
  };
  const spec: TunnelSpec = {
    device,
    protocol: tunnel.protocol,
    engine,
    privateKey: secrets(tunnel.privateKey),
    listenPort: tunnel.listenPort,
    fwmark: ENGINE_MARK,
    peers: tunnel.peers
      .map((peer) => peerSpec(isQuiet ? silent(peer) : peer, placed.endpoints.get(peer.publicKey) ?? [], secrets))
      .toSorted((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
    obfuscation:
      tunnel.obfuscation === undefined ? {} : obfuscationParameters(tunnel.obfuscation, secrets, engine === "embedded"),
  };
  return [link, { kind: "tunnel", key: `tunnel/${key}`, spec }];
}

function linkAddresses({ addresses }: NoiseTunnel, { config }: ExpandContext): string[] {
  const kept = addresses.filter((address) => familyOfText(address) === 4 || config.ipv6 !== "block");
  return [...new Set(kept)].toSorted(compareAddresses);
}

/** IPv4 before IPv6, in numeric order, as the ports report addresses. */
function compareAddresses(a: string, b: string): number {
  return compareIp(numberOf(a), numberOf(b)) || (a < b ? -1 : a > b ? 1 : 0);
}

function numberOf(text: string): IpAddress {
  const prefix = parsePrefix(text);
  return { family: prefix?.family ?? 4, value: prefix?.address ?? 0n };
}

/** The lowest MTU of the routes to the endpoints, less the overhead; AmneziaWG's s4 precedes each packet. */
function mtuOf({ tunnel, endpoints }: PlacedTunnel, facts: HostFacts): number {
  if (tunnel.mtu !== "auto") return tunnel.mtu;
  const mtus = [...endpoints.values()].flat().map((endpoint) => routeMtuOf(endpoint, facts));
  const mtuBytes = mtus.length === 0 ? routeMtuOf(undefined, facts) : Math.min(...mtus);
  return Math.max(LEAST_MTU_BYTES, mtuBytes - OVERHEAD_BYTES - (tunnel.obfuscation?.s4 ?? 0));
}

/** The MTU of the route itself, else of the best uplink. */
function routeMtuOf(
  endpoint: ResolvedEndpoint | undefined,
  { uplinks, devices, pathMtuBytes = {} }: HostFacts,
): number {
  const ofRoute = endpoint === undefined ? undefined : pathMtuBytes[endpoint.address];
  if (ofRoute !== undefined) return ofRoute;
  const family = endpoint === undefined ? undefined : familyOfText(endpoint.address);
  const candidates = uplinks.filter((uplink) => family === undefined || uplink.family === family);
  const [best] = candidates.toSorted((a, b) => a.metric - b.metric || (a.device < b.device ? -1 : 1));
  return devices.find(({ name }) => name === best?.device)?.mtuBytes ?? USUAL_MTU_BYTES;
}

/** A range is written as its upper end, with the lower end beside it; engines without ranges never get one. */
function keepaliveOf({ persistentKeepalive: range }: Peer): Pick<PeerSpec, "persistentKeepaliveSeconds"> {
  const [low, high] = [Math.round(range?.[0] ?? 0), Math.round(range?.[1] ?? 0)];
  return { persistentKeepaliveSeconds: high, ...(low === high ? {} : { leastKeepaliveSeconds: low }) };
}

function silent({ persistentKeepalive: _none, ...peer }: Peer): Peer {
  return peer;
}

function peerSpec(peer: Peer, resolved: readonly ResolvedEndpoint[], secrets: Secrets): PeerSpec {
  const endpoints = resolved.map(renderEndpointText);
  const [endpoint] = endpoints;
  return {
    publicKey: peer.publicKey,
    ...(peer.presharedKey === undefined ? {} : { presharedKey: secrets(peer.presharedKey) }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(endpoint !== undefined || peer.endpoint === undefined ? {} : { unresolved: peer.endpoint.host }),
    ...(endpoints.length > 1 ? { endpoints } : {}),
    allowedIPs: sortedPrefixes(peer.allowedIPs),
    ...keepaliveOf(peer),
  };
}
