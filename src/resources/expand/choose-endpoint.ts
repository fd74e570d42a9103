import type { MachineFacts } from "../../host/ports/facts.ts";
import type { Peer } from "../../model/config/config.ts";
import { interleaveFamilies } from "../../model/dns/prefer.ts";
import { parseIp, renderIp } from "../../model/ip.ts";
import type { ResolvedEndpoint } from "./expansion.ts";

type NamedEndpoint = NonNullable<Peer["endpoint"]>;

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
export function endpointsOfName({ host, port }: NamedEndpoint, facts: MachineFacts): readonly ResolvedEndpoint[] {
  const named = Object.hasOwn(facts.addresses, host) ? (facts.addresses[host] ?? []) : [];
  const addresses = [...new Set(named.flatMap((text) => parseIp(text) ?? []).map(renderIp))];
  const families = new Set(facts.uplinks.map(({ family }) => family));
  return interleaveFamilies(addresses, (family) => families.has(family)).map((address) => ({ address, port }));
}

/**
 * The endpoint to pin: an address stands for itself; of a name the one in use, while the name has it (or has none just
 * now) and it answers; else the first that was not tried in vain; else the one that failed longest ago.
 */
export function chooseEndpoint(
  endpoint: NamedEndpoint,
  { previous, unanswered }: EndpointHistory,
  facts: MachineFacts,
): ResolvedEndpoint | undefined {
  const { host, port } = endpoint;
  if (parseIp(host) !== undefined) return { address: host, port };
  const candidates = endpointsOfName(endpoint, facts);
  const used = addressIn(previous, port);
  if (candidates.length === 0) return used === undefined ? undefined : { address: used, port };
  const isFresh = (candidate: ResolvedEndpoint) => !unanswered.includes(renderEndpointText(candidate));
  const inUse = candidates.find(({ address }) => address === used);
  if (inUse !== undefined && isFresh(inUse)) return inUse;
  return candidates.find(isFresh) ?? longestAgo(candidates, unanswered);
}

function longestAgo(candidates: readonly ResolvedEndpoint[], unanswered: readonly string[]) {
  return candidates.toSorted(
    (a, b) => unanswered.indexOf(renderEndpointText(a)) - unanswered.indexOf(renderEndpointText(b)),
  )[0];
}

/** The address of an endpoint of this port; another port is another endpoint. */
function addressIn(previous: string | undefined, port: number): string | undefined {
  if (previous?.endsWith(`:${port}`) !== true) return undefined;
  const address = previous.slice(0, -`:${port}`.length).replace(/^\[|\]$/g, "");
  return parseIp(address) === undefined ? undefined : address;
}
