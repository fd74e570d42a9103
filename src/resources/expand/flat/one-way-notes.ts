import { compileFlowPath, placeOf } from "../../../model/firewall/flow-path.ts";
import { LAN_PREFIXES } from "../../../model/firewall/link-traffic.ts";
import type { FlowMatch, PathRef } from "../../../model/firewall/policy.ts";
import { parseIp } from "../../../model/ip.ts";
import { parsePrefix, prefixOverlaps } from "../../../model/prefix.ts";
import type { DesiredState } from "../../../model/resource.ts";
import type { Note } from "../expansion.ts";

const SINCE = "since a Mac has one way for each address";

/**
 * What a person should know of a Mac, where one address has one way, whoever sends there: traffic that the policy wants
 * elsewhere than an endpoint's, a DNS server's or the local network's route leads is dropped, or goes along where no kill
 * switch stops it.
 */
export function oneWayNotes({ resources }: DesiredState): Note[] {
  const policy = resources.find((resource) => resource.kind === "firewall")?.spec;
  const layer = policy?.layers[0];
  if (policy === undefined || layer === undefined) return [];
  const { steering } = policy;
  const outcome = `${layer.killSwitch ? "is dropped" : "goes along"}, ${SINCE}`;
  const pathOf = compileFlowPath(steering, { ...layer, dns: null });
  const others = (path: string, addresses: readonly string[], way: PathRef): Note[] => {
    const split = [...new Set(addresses)].filter((text) => {
      const destination = parseIp(text);
      const usual = destination === undefined ? way : pathOf({ destination, protocol: 6 }).path;
      return usual.kind !== "block" && wayOf(usual) !== wayOf(way);
    });
    return split.length === 0 ? [] : [{ path, message: `other traffic to ${split.join(", ")} ${outcome}` }];
  };
  const narrow = steering.rules.filter(
    ({ match, path }) =>
      layer.allowLan &&
      path.kind === "tunnel" &&
      wayOf(path) === wayOf(steering.default) &&
      isNarrow(match) &&
      reachesLan(match),
  );
  const endpoints = layer.endpoints.map(({ address }) => address);
  return [
    ...others("tunnels", endpoints, { kind: "direct" }),
    ...(layer.dns === null ? [] : others("dns.servers", layer.dns.servers, layer.dns.path)),
    ...[...new Set(narrow.map(placeOf))].map((path) => ({
      path,
      message: `what it sends to the local network ${outcome}`,
    })),
  ];
}

function wayOf(path: PathRef): string {
  return path.kind === "tunnel" ? `into ${path.device}` : path.kind;
}

/** Whether more than the destination decides. */
function isNarrow({ ports, protocol, uids }: FlowMatch): boolean {
  return ports !== undefined || protocol !== undefined || uids !== undefined;
}

function reachesLan({ destinations }: FlowMatch): boolean {
  const [asked, local] = [destinations ?? LAN_PREFIXES, LAN_PREFIXES].map((texts) =>
    texts.flatMap((text) => parsePrefix(text) ?? []),
  );
  return asked?.some((one) => local?.some((other) => prefixOverlaps(one, other))) === true;
}
