import type { MachineFacts } from "../../host/ports/facts.ts";
import { type Config, isNoiseTunnel, type NoiseTunnel, type Peer } from "../../model/config/config.ts";
import { type Family, parseIp, renderIp } from "../../model/ip.ts";
import { deviceOfTunnel } from "../../model/ownership.ts";
import { type ExpandContext, endpointKey, type PlacedTunnel, type ResolvedEndpoint } from "./expansion.ts";
import type { PathNumbers } from "./path-numbers.ts";

type PlaceInput = Pick<ExpandContext, "config" | "facts" | "notes" | "unsupported"> & {
  readonly pathNumbers: PathNumbers;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly devices: Readonly<Record<string, string>>;
};

/** Tunnels in order of their keys, with device, path number, families and numeric endpoints. */
export function placeTunnels(input: PlaceInput): PlacedTunnel[] {
  const keys = Object.keys(input.config.tunnels).toSorted();
  return keys.flatMap((key) => {
    const tunnel = input.config.tunnels[key];
    const number = input.pathNumbers[key];
    if (tunnel === undefined || !isNoiseTunnel(tunnel)) return [];
    if (number === undefined) {
      input.unsupported.push({ path: `tunnels.${key}`, feature: "one tunnel more than the 60 that have path numbers" });
      return [];
    }
    const device = deviceFor(key, keys, input);
    return [
      {
        key,
        tunnel,
        device,
        number,
        families: familiesOf(input.config, key, tunnel, input),
        endpoints: resolveEndpoints(key, device, tunnel, input),
      },
    ];
  });
}

/** A tunnel's own device, or the one it had before it was given its name; that one is nobody else's meanwhile. */
function deviceFor(key: string, keys: readonly string[], { devices, unsupported }: PlaceInput): string {
  const keptBy = (name: string): string | undefined => (Object.hasOwn(devices, name) ? devices[name] : undefined);
  const own = deviceOfTunnel(key);
  const rival = keys.find((other) => other !== key && keptBy(other) === own);
  if (rival !== undefined && keptBy(key) === undefined) {
    const feature = `a tunnel of this name while ${rival} has the device ${own}, which it kept when it was moved,`;
    unsupported.push({ path: `tunnels.${key}`, feature });
  }
  return keptBy(key) ?? own;
}

/** The family of an address or prefix in canonical text. */
export function familyOfText(text: string): Family {
  return text.includes(":") ? 6 : 4;
}

function familiesOf(config: Config, key: string, { addresses, peers }: NoiseTunnel, { notes }: PlaceInput): Family[] {
  const allowed = ([4, 6] as const).filter((family) => family === 4 || config.ipv6 !== "block");
  const families = allowed.filter(
    (family) =>
      addresses.some((address) => familyOfText(address) === family) &&
      peers.some(({ allowedIPs }) => allowedIPs.some((prefix) => familyOfText(prefix) === family)),
  );
  if (families.length === 0) {
    const message = "carries nothing: it has no address of a family that its peers' allowedIPs name";
    notes.push({ path: `tunnels.${key}`, message });
  } else if (!families.includes(6)) {
    notes.push({ path: `tunnels.${key}`, message: "does not carry IPv6; what would take it over IPv6 is dropped" });
  }
  return families;
}

function resolveEndpoints(
  key: string,
  device: string,
  { peers }: NoiseTunnel,
  input: PlaceInput,
): ReadonlyMap<string, ResolvedEndpoint> {
  const resolved = new Map<string, ResolvedEndpoint>();
  for (const [index, peer] of peers.entries()) {
    if (peer.endpoint === undefined) continue;
    const previous = input.endpoints[endpointKey(device, peer.publicKey)];
    const address = addressOf(peer.endpoint, previous, input.facts);
    if (address !== undefined) resolved.set(peer.publicKey, { address, port: peer.endpoint.port });
    else {
      const message = `${peer.endpoint.host} does not resolve; the tunnel stays down, and its traffic blocked, until it does`;
      input.notes.push({ path: `tunnels.${key}.peers.${index}.endpoint`, message });
    }
  }
  return resolved;
}

/**
 * The numeric address to pin: the one in use while the name still has it (or has none just now), else the first of a
 * family the machine has a way out for, else the first.
 */
function addressOf(
  { host, port }: NonNullable<Peer["endpoint"]>,
  previous: string | undefined,
  facts: MachineFacts,
): string | undefined {
  if (parseIp(host) !== undefined) return host;
  const named = Object.hasOwn(facts.addresses, host) ? (facts.addresses[host] ?? []) : [];
  const candidates = named.flatMap((text) => parseIp(text) ?? []).map(renderIp);
  const used =
    previous?.endsWith(`:${port}`) === true ? previous.slice(0, -`:${port}`.length).replace(/^\[|\]$/g, "") : "";
  if (parseIp(used) !== undefined && (candidates.length === 0 || candidates.includes(used))) return used;
  const families = new Set(facts.uplinks.map(({ family }) => family));
  return candidates.find((address) => families.has(familyOfText(address))) ?? candidates[0];
}
