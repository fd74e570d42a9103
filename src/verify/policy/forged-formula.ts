import { LINK_SENDERS } from "../../model/firewall/link-traffic.ts";
import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { addressIn } from "../space/conditions.ts";
import { all, deviceIn, type Formula, NEVER, not, trackedAs } from "../space/packet-fields.ts";
import { linkIn, tooBig } from "./link-formula.ts";
import { POSSIBLE } from "./possible-packets.ts";

/**
 * The packets that a policy refuses because of a failed reverse path check (S6.8, S7.4).
 *
 * This is `isForged` for sets of packets.
 */
export function refusedIfForged(
  policy: FirewallPolicy,
  hook: "input" | "forward",
  family: Family,
  uplinks: readonly string[],
): Formula {
  const guarded = policy.layers.filter(({ killSwitch }) => killSwitch);
  const isRefused = guarded.some(({ flows }) => hook === "input" || flows.default.kind !== "direct");
  if (!isRefused) return NEVER;
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels).map(({ device }) => device);
  const asked = all(POSSIBLE[hook], not(deviceIn("in", [LOOPBACK_DEVICE, ...tunnels, ...uplinks])));
  const error = all(trackedAs("related", "related-answer"), tooBig(family));
  const exempt = [trackedAs("answer", "related-answer"), error, addressIn("source", family, LINK_SENDERS)];
  return all(asked, ...exempt.map(not), ...(hook === "input" ? [not(linkIn(family))] : []));
}
