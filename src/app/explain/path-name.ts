import { devicesByNumber } from "../../model/firewall/fallback.ts";
import { compileFlowPath, type FlowPath } from "../../model/firewall/flow-path.ts";
import { flowOf, type Packet } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { PATH_NUMBERS, pathOfMark } from "../../model/ownership.ts";

/** The path that a mark names. */
export function pathName(policy: FirewallPolicy, mark: number): string {
  const number = pathOfMark(mark);
  if (number === PATH_NUMBERS.direct) return "direct";
  if (number === PATH_NUMBERS.block) return "block";
  if (number === PATH_NUMBERS.engine) return "our own engine";
  return devicesByNumber(policy).get(number) ?? unnamed(policy, number);
}

/** Whether a mark names the path of a proxy. */
export function isProxyMark({ layers }: FirewallPolicy, mark: number): boolean {
  return layers.some(({ proxies = [] }) => proxies.some(({ number }) => number === pathOfMark(mark)));
}

function unnamed({ layers }: FirewallPolicy, number: number): string {
  if (number !== 0) return `path ${number}`;
  return layers.length === 0 ? "(no packet policy)" : "(unmarked)";
}

/** The rule of the policy that chooses a packet's path. */
export function pathReason(policy: FirewallPolicy, packet: Packet): string {
  return flowPathOf(policy, packet).reason;
}

/** The path that the policy gives a packet, with the rule that chooses it. */
export function flowPathOf(policy: FirewallPolicy, packet: Packet): FlowPath {
  const layer = policy.layers.at(-1) ?? { dns: null, allow: [], allowLan: false };
  const tunnels = policy.layers.flatMap((one) => one.tunnels.map(({ device }) => device));
  return compileFlowPath(policy.steering, layer)(flowOf(packet, new Set(tunnels)));
}
