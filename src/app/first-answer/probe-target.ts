import { type Family, type IpAddress, parseIp, renderIp } from "../../model/ip.ts";
import { type Prefix, parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { ResourceOf } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";

/** Networks in which the first address is mostly the server's. */
const USUAL_LENGTH: Readonly<Record<Family, number>> = { 4: 24, 6: 64 };

/**
 * An address behind a tunnel that a small packet may go to: its name server, else the likely address of the server,
 * else the first address that a peer takes; undefined if no peer takes any of the tunnel's own families. Pure.
 */
export function probeTarget({ spec }: ResourceOf<"tunnel">, { resources }: DesiredState): string | undefined {
  const allowed = spec.peers.flatMap(({ allowedIPs }) => allowedIPs.flatMap((text) => parsePrefix(text) ?? []));
  const own = resources
    .flatMap((resource) => (resource.kind === "link" && resource.spec.device === spec.device ? [resource.spec] : []))
    .flatMap(({ addresses }) => addresses.flatMap((text) => parsePrefix(text) ?? []));
  const candidates = [
    ...nameServersBehind(spec.device, resources).flatMap((text) => parseIp(text) ?? []),
    ...own.map(likelyServer),
    ...allowed.map(firstOf),
  ];
  const isFit = ({ family, value }: IpAddress) =>
    own.some((address) => address.family === family) &&
    own.every(({ address }) => address !== value) &&
    allowed.some((outer) => prefixContains(outer, hostOf({ family, value })));
  const found = candidates.find(isFit);
  return found === undefined ? undefined : renderIp(found);
}

/** The name servers that are reached through a device. */
export function nameServersBehind(device: string, resources: DesiredState["resources"]): readonly string[] {
  return resources.flatMap((resource) => {
    const dns = resource.kind === "firewall" ? resource.spec.layers[0]?.dns : undefined;
    return dns?.path.kind === "tunnel" && dns.path.device === device ? dns.servers : [];
  });
}

function hostOf({ family, value }: IpAddress): Prefix {
  return { family, address: value, length: family === 4 ? 32 : 128 };
}

/** The first address of the network around our own, or the second where the first is ours. */
function likelyServer({ family, address }: Prefix): IpAddress {
  const hosts = 1n << BigInt((family === 4 ? 32 : 128) - USUAL_LENGTH[family]);
  const first = address - (address % hosts) + 1n;
  return { family, value: first === address ? first + 1n : first };
}

function firstOf({ family, address, length }: Prefix): IpAddress {
  return { family, value: length === (family === 4 ? 32 : 128) ? address : address + 1n };
}
