import { compileFlowPath, placeOf } from "../../../model/firewall/flow-path.ts";
import { LAN_PREFIXES } from "../../../model/firewall/link-traffic.ts";
import type { FlowMatch, PathRef } from "../../../model/firewall/policy.ts";
import { parseIp } from "../../../model/ip.ts";
import { parsePrefix, prefixOverlaps } from "../../../model/prefix.ts";
import type { DesiredState } from "../../../model/resources/desired-state.ts";
import type { Note } from "../expansion.ts";

const SINCE = "because macOS has one route per destination";

/**
 * Notes for macOS, where a destination has one route for all programs: traffic that the policy sends elsewhere than the
 * route of an endpoint, DNS server or local network is dropped. Without a kill switch it follows that route.
 */
export function oneWayNotes({ resources }: DesiredState): Note[] {
  const policy = resources.find((resource) => resource.kind === "firewall")?.spec;
  const layer = policy?.layers[0];
  if (policy === undefined || layer === undefined) return [];
  const { steering } = policy;
  const outcome = `${layer.killSwitch ? "is dropped" : "follows the same route"}, ${SINCE}`;
  const pathOf = compileFlowPath(steering, { ...layer, dns: null });
  const others = (path: string, addresses: readonly string[], wanted: PathRef): Note[] => {
    const split = [...new Set(addresses)].filter((text) => {
      const destination = parseIp(text);
      const usual = destination === undefined ? wanted : pathOf({ destination, protocol: 6 }).path;
      return usual.kind !== "block" && pathText(usual) !== pathText(wanted);
    });
    return split.length === 0 ? [] : [{ path, message: `other traffic to ${split.join(", ")} ${outcome}` }];
  };
  const narrow = steering.rules.filter(
    ({ match, path }) =>
      layer.allowLan &&
      path.kind === "tunnel" &&
      pathText(path) === pathText(steering.default) &&
      isNarrow(match) &&
      reachesLan(match),
  );
  const endpoints = layer.endpoints.map(({ address }) => address);
  return [
    ...others("tunnels", endpoints, { kind: "direct" }),
    ...(layer.dns === null ? [] : others("dns.servers", layer.dns.servers, layer.dns.path)),
    ...[...new Set(narrow.map(placeOf))].map((path) => ({
      path,
      message: `its traffic to the local network ${outcome}`,
    })),
  ];
}

function pathText(path: PathRef): string {
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
