import { type Config, isNoiseTunnel, type NoiseTunnel } from "../../../config/config.ts";
import type { Family } from "../../../model/ip.ts";
import { deviceOfTunnel, MOST_TUNNELS } from "../../../model/ownership.ts";
import { tunnelOfDevice, utunUnit } from "../../../model/resources/tunnel-key.ts";
import { type ExpandContext, endpointKey, type PlacedTunnel, type ResolvedEndpoint } from "../expansion.ts";
import { chooseEndpoint, endpointsToAsk } from "./choose-endpoint.ts";
import { chooseEngine } from "./choose-engine.ts";
import type { PathNumbers } from "./path-numbers.ts";

type PlaceInput = Pick<ExpandContext, "config" | "facts" | "unsupported"> & {
  readonly pathNumbers: PathNumbers;
  readonly endpoints: Readonly<Record<string, readonly string[]>>;
  readonly unanswered: Readonly<Record<string, readonly string[]>>;
  readonly devices: Readonly<Record<string, string>>;
};

/** Tunnels in the order of their keys, with device, path number, families and numeric endpoints. */
export function placeTunnels(input: PlaceInput): PlacedTunnel[] {
  const keys = Object.keys(input.config.tunnels).toSorted();
  const kept = keptDevices(keys, input.devices);
  return keys.flatMap((key) => {
    const tunnel = input.config.tunnels[key];
    const number = input.pathNumbers[key];
    if (tunnel === undefined || !isNoiseTunnel(tunnel)) return [];
    if (number === undefined) {
      input.unsupported.push({
        path: `tunnels.${key}`,
        message: `at most ${MOST_TUNNELS} tunnels are possible`,
      });
      return [];
    }
    const device = deviceFor(key, kept, input);
    const unit = input.facts.os === "darwin" ? utunUnit(tunnel.interface ?? "") : undefined;
    const engine = chooseEngine({ key, tunnel, device }, input);
    return [
      {
        key,
        tunnel,
        device,
        ...(unit === undefined ? {} : { unit }),
        number,
        families: familiesOf(input.config, tunnel),
        engine,
        endpoints: resolveEndpoints({ device, engine, tunnel }, input),
      },
    ];
  });
}

/** The devices of renamed tunnels, which keep the one they had. */
function keptDevices(keys: readonly string[], devices: PlaceInput["devices"]): ReadonlyMap<string, string> {
  const kept = keys.flatMap((key) => {
    const device = Object.hasOwn(devices, key) ? devices[key] : undefined;
    return device !== undefined && tunnelOfDevice(device) !== device ? [[key, device] as const] : [];
  });
  return new Map(kept);
}

/**
 * The device that the config names (on macOS that is a number, and the device keeps its own name); else the tunnel's
 * default, or the one it had before it was renamed. The latter must be free. A stated name holds as long as it is
 * stated.
 */
function deviceFor(key: string, kept: ReadonlyMap<string, string>, { config, facts, unsupported }: PlaceInput): string {
  const tunnel = config.tunnels[key];
  const written = tunnel !== undefined && isNoiseTunnel(tunnel) ? tunnel.interface : undefined;
  const stated = facts.os === "darwin" ? undefined : written;
  if (written !== undefined && facts.os === "darwin" && utunUnit(written) === undefined) {
    const message = `"${written}" is not possible on macOS; write utun0 to utun99999, or remove the key`;
    unsupported.push({ path: `tunnels.${key}.interface`, message });
  }
  const own = stated ?? deviceOfTunnel(key);
  const rival = kept.keys().find((other) => other !== key && kept.get(other) === own);
  if (rival !== undefined && (stated !== undefined || !kept.has(key))) {
    const message = `the tunnel ${rival} still has the device ${own}, which it kept when it was renamed`;
    unsupported.push({ path: `tunnels.${key}`, message });
  }
  return stated ?? kept.get(key) ?? own;
}

/** The family of an address or prefix in canonical text. */
export function familyOfText(text: string): Family {
  return text.includes(":") ? 6 : 4;
}

function familiesOf(config: Config, { addresses, peers }: NoiseTunnel): Family[] {
  const allowed = ([4, 6] as const).filter((family) => family === 4 || config.ipv6 !== "block");
  return allowed.filter(
    (family) =>
      addresses.some((address) => familyOfText(address) === family) &&
      peers.some(({ allowedIPs }) => allowedIPs.some((prefix) => familyOfText(prefix) === family)),
  );
}

function resolveEndpoints(
  { device, engine, tunnel }: Pick<PlacedTunnel, "device" | "engine" | "tunnel">,
  { endpoints, unanswered, facts }: PlaceInput,
): PlacedTunnel["endpoints"] {
  const resolved = tunnel.peers.flatMap(({ endpoint, publicKey }) => {
    if (endpoint === undefined) return [];
    const at = endpointKey(device, publicKey);
    const previous = endpoints[at] ?? [];
    const found =
      engine === "embedded"
        ? endpointsToAsk(endpoint, previous, facts)
        : chooseEndpoint(endpoint, { previous: previous[0], unanswered: unanswered[at] ?? [] }, facts);
    return found.length === 0 ? [] : [[publicKey, found] as const];
  });
  return new Map<string, readonly ResolvedEndpoint[]>(resolved);
}
