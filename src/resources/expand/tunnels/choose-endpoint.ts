import type { Peer } from "../../../config/config.ts";
import type { HostFacts } from "../../../host/ports/facts.ts";
import { interleaveFamilies } from "../../../model/dns/prefer.ts";
import { parseIp, renderIp } from "../../../model/ip.ts";
import type { ResolvedEndpoint } from "../expansion.ts";

type NamedEndpoint = NonNullable<Peer["endpoint"]>;

/** The packet filter allows each one, and an unanswered handshake is repeated to all of them. */
const MOST_ASKED = 8;

/** What is known of a peer's endpoints, each as in UAPI ("192.0.2.1:51820"). */
export interface EndpointHistory {
  /** The one in use. */
  readonly previous: string | undefined;
  /** Those that did not answer, the oldest failure first. */
  readonly unanswered: readonly string[];
}

/** An endpoint as in UAPI: an IPv6 address in brackets. */
export function renderEndpointText({ address, port }: ResolvedEndpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Every endpoint that a name currently resolves to, in the order of trying (RFC 8305 section 4). */
export function endpointsOfName({ host, port }: NamedEndpoint, facts: HostFacts): readonly ResolvedEndpoint[] {
  const named = Object.hasOwn(facts.addresses, host) ? (facts.addresses[host] ?? []) : [];
  const addresses = [...new Set(named.flatMap((text) => parseIp(text) ?? []).map(renderIp))];
  const families = new Set(facts.uplinks.map(({ family }) => family));
  return interleaveFamilies(addresses, (family) => families.has(family)).map((address) => ({ address, port }));
}

/**
 * The endpoint for an engine that accepts one only, as a list; empty when there is none. An address is its own
 * endpoint. For a name, in this order:
 * - the one in use, if the name still has it (or does not resolve now), it answers, and the host has an uplink for its
 * IP version or for none;
 * - the first that has not failed;
 * - the one with the oldest failure.
 */
export function chooseEndpoint(
  endpoint: NamedEndpoint,
  { previous, unanswered }: EndpointHistory,
  facts: HostFacts,
): readonly ResolvedEndpoint[] {
  const { host, port } = endpoint;
  if (parseIp(host) !== undefined) return [{ address: host, port }];
  const candidates = endpointsOfName(endpoint, facts);
  const used = endpointIn(previous, port);
  if (candidates.length === 0) return used === undefined ? [] : [used];
  const isFresh = (candidate: ResolvedEndpoint) => !unanswered.includes(renderEndpointText(candidate));
  const inUse = candidates.find(({ address }) => address === used?.address);
  const hasRoute = ({ address }: ResolvedEndpoint) => facts.uplinks.some(({ family }) => family === familyOf(address));
  const staysPut = inUse !== undefined && (hasRoute(inUse) || !candidates.some((one) => isFresh(one) && hasRoute(one)));
  if (staysPut && isFresh(inUse)) return [inUse];
  return [candidates.find(isFresh) ?? longestAgo(candidates, unanswered)].filter((one) => one !== undefined);
}

/**
 * The endpoints for an engine that tries all. Earlier ones come first and in their order while the name has them:
 * servers that rotate their answers cause no change. All earlier ones are kept while the name does not resolve.
 */
export function endpointsToAsk(
  endpoint: NamedEndpoint,
  previous: readonly string[],
  facts: HostFacts,
): readonly ResolvedEndpoint[] {
  const { host, port } = endpoint;
  if (parseIp(host) !== undefined) return [{ address: host, port }];
  const candidates = endpointsOfName(endpoint, facts);
  const before = previous.flatMap((text) => endpointIn(text, port) ?? []);
  if (candidates.length === 0) return before;
  const isAmong = (some: readonly ResolvedEndpoint[], one: ResolvedEndpoint) =>
    some.some(({ address }) => address === one.address);
  const kept = before.filter((one) => isAmong(candidates, one));
  return [...kept, ...candidates.filter((one) => !isAmong(kept, one))].slice(0, MOST_ASKED);
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

function longestAgo(candidates: readonly ResolvedEndpoint[], unanswered: readonly string[]) {
  return candidates.toSorted(
    (a, b) => unanswered.indexOf(renderEndpointText(a)) - unanswered.indexOf(renderEndpointText(b)),
  )[0];
}

/** An endpoint of this port; another port is another endpoint. */
function endpointIn(text: string | undefined, port: number): ResolvedEndpoint | undefined {
  if (text?.endsWith(`:${port}`) !== true) return undefined;
  const address = text.slice(0, -`:${port}`.length).replace(/^\[|\]$/g, "");
  return parseIp(address) === undefined ? undefined : { address, port };
}
