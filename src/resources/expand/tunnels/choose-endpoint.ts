import type { Peer } from "../../../config/config.ts";
import type { HostFacts } from "../../../host/ports/facts.ts";
import { interleaveFamilies } from "../../../model/dns/prefer.ts";
import { parseIp, renderIp } from "../../../model/ip.ts";
import type { ResolvedEndpoint } from "../expansion.ts";

type NamedEndpoint = NonNullable<Peer["endpoint"]>;

/** Each is let out by the packet filter, and each handshake that nobody answers goes to all of them. */
const MOST_ASKED = 8;

/** What is known of a peer's endpoints from before, each as UAPI has it ("192.0.2.1:51820"). */
export interface EndpointHistory {
  /** The one in use. */
  readonly previous: string | undefined;
  /** Those that did not answer, the one that failed longest ago first. */
  readonly unanswered: readonly string[];
}

/** An endpoint as UAPI has it: an IPv6 address in brackets. */
export function renderEndpointText({ address, port }: ResolvedEndpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Every endpoint that a name stands for now, in the order in which they are to be tried (RFC 8305 section 4). */
export function endpointsOfName({ host, port }: NamedEndpoint, facts: HostFacts): readonly ResolvedEndpoint[] {
  const named = Object.hasOwn(facts.addresses, host) ? (facts.addresses[host] ?? []) : [];
  const addresses = [...new Set(named.flatMap((text) => parseIp(text) ?? []).map(renderIp))];
  const families = new Set(facts.uplinks.map(({ family }) => family));
  return interleaveFamilies(addresses, (family) => families.has(family)).map((address) => ({ address, port }));
}

/**
 * The endpoint to pin for an engine that is told one at a time, in a list; an empty one where there is none. An address
 * stands for itself; of a name it is the one in use, while the name has it (or has none just now), it answers, and the
 * machine has a way out for its IP version or for none of the others; else the first that was not tried in vain; else the
 * one that failed longest ago.
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
  const hasWay = ({ address }: ResolvedEndpoint) => facts.uplinks.some(({ family }) => family === familyOf(address));
  const staysPut = inUse !== undefined && (hasWay(inUse) || !candidates.some((one) => isFresh(one) && hasWay(one)));
  if (staysPut && isFresh(inUse)) return [inUse];
  return [candidates.find(isFresh) ?? longestAgo(candidates, unanswered)].filter((one) => one !== undefined);
}

/**
 * The endpoints to let an engine ask that asks all of them. Those of before come first and in their order while the name has
 * them, so that servers of names that tell their addresses in another order each time cause no change; all of before are
 * kept while the name has none.
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
