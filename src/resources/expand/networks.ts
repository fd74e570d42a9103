import type { Match, NetworkCondition } from "../../config/section/match.ts";
import type { HostNetwork } from "../../host/ports/facts.ts";

/**
 * A match without its `when`, as it holds in these networks; undefined if it can match nothing in them. A network that is
 * not recognised fulfils no condition. Pure.
 */
export function matchHere<M extends Match>(match: M, networks: readonly HostNetwork[]): M | undefined {
  const { when, all, any, not, ...rest } = match;
  if (when !== undefined && !when.some((condition) => networks.some((network) => isIn(condition, network)))) {
    return undefined;
  }
  const every = all?.map((one) => matchHere(one, networks));
  if (every?.includes(undefined) === true) return undefined;
  const some = any?.flatMap((one) => matchHere(one, networks) ?? []);
  if (some?.length === 0) return undefined;
  // `not` of what holds nowhere here asks for nothing; `not` of nothing but this network excludes all.
  const inner = not === undefined ? undefined : matchHere(not, networks);
  if (inner !== undefined && Object.keys(inner).length === 0) return undefined;
  return {
    ...rest,
    ...(every === undefined ? {} : { all: every as readonly Match[] }),
    ...(some === undefined ? {} : { any: some }),
    ...(inner === undefined ? {} : { not: inner }),
  } as unknown as M;
}

function isIn({ ssid, gatewayMac, interface: device, wired }: NetworkCondition, network: HostNetwork): boolean {
  return (
    (ssid === undefined || ssid === network.ssid) &&
    (gatewayMac === undefined || gatewayMac === network.gatewayMac) &&
    (device === undefined || device === network.device) &&
    (wired === undefined || wired === network.wired)
  );
}
