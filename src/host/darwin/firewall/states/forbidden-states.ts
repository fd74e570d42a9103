import { judge } from "../../../../model/firewall/evaluate.ts";
import { LAST_UID, type Packet } from "../../../../model/firewall/packet.ts";
import { engineUids, type FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { type IpAddress, parseIp } from "../../../../model/ip.ts";
import { ENGINE_MARK } from "../../../../model/ownership.ts";
import { LOOPBACK } from "../../pf/link-rules.ts";
import type { PfState } from "./printed-states.ts";

/** A name for any physical device; the policy treats them alike. */
const PHYSICAL = "any physical device";

/**
 * The states that the policy opens for no user (rules S11.1, S13.7). PF does not report a state's user, so a state stays if one
 * user may open it. A floating state follows every route, so it must be allowed on a physical device; awg's rules make none.
 * Pure.
 */
export function forbiddenStates(policy: FirewallPolicy, states: readonly PfState[]): PfState[] {
  const senders = sendersOf(policy);
  return states.filter((state) => {
    const packet = packetOf(state);
    if (packet === undefined || state.device === LOOPBACK) return false;
    const tries = state.direction === "in" ? [{}] : senders;
    return !tries.some((sender) => judge(policy, { ...packet, ...sender }).verdict === "accept");
  });
}

/** The packet that opened the state; undefined if the state is local to this host. */
function packetOf({ device = PHYSICAL, protocol, direction, local, remote }: PfState): Packet | undefined {
  const [here, there] = [parseIp(local.address), parseIp(remote.address)];
  if (here === undefined || there === undefined || isLoopback(here) || isLoopback(there)) return undefined;
  const [from, to, sender, receiver] =
    direction === "out" ? [here, there, local, remote] : [there, here, remote, local];
  return {
    ...(direction === "out" ? { hook: "output", outDevice: device } : { hook: "input", inDevice: device }),
    source: from,
    destination: to,
    protocol,
    ...(sender.port === undefined ? {} : { sourcePort: sender.port }),
    ...(receiver.port === undefined ? {} : { destinationPort: receiver.port }),
  };
}

function isLoopback({ family, value }: IpAddress): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

/** One sender for each set of users that the policy distinguishes: none, the edges of its ranges, awg's own. */
function sendersOf(policy: FirewallPolicy): Pick<Packet, "uid" | "mark">[] {
  const ranges = policy.layers.flatMap((layer) => layer.flows.rules).flatMap((rule) => rule.match.uids ?? []);
  const edges = ranges.flatMap(({ from, to }) => [from - 1, from, to, to + 1]);
  const uids = [...new Set([...edges, LAST_UID])].filter((uid) => uid >= 0 && uid <= LAST_UID);
  const own = [...new Set(policy.layers.flatMap(engineUids))];
  return [{}, ...uids.map((uid) => ({ uid })), ...own.map((uid) => ({ uid, mark: ENGINE_MARK }))];
}
