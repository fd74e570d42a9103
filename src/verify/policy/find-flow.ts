import { fallbackSwitches, withFallback } from "../../model/firewall/fallback.ts";
import { compileFlowPath } from "../../model/firewall/flow-path.ts";
import { flowOf, LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { FirewallPolicy, FlowMatch, PathRef } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { type ShownPacket, showPoint } from "../finding.ts";
import { matchFormula, TO } from "../space/conditions.ts";
import { NOTHING } from "../space/decision-diagram.ts";
import { packetOf } from "../space/header-point.ts";
import { ALWAYS, all, any, deviceIn, NEVER, not, termsOf, trackedAs } from "../space/packet-fields.ts";
import { PacketSpace } from "../space/packet-space.ts";
import { pathFormula } from "./path-formula.ts";
import { POSSIBLE } from "./possible-packets.ts";

/** A packet, and the rule that selects its path. */
export interface FoundFlow {
  readonly packet: ShownPacket;
  /** Paragraph and rule, for messages. */
  readonly reason: string;
}

const NO_LAYER = { dns: null, allow: [], allowLan: false } as const;

/**
 * A packet that opens a flow, matches, and has a wanted path; undefined if no such packet exists.
 *
 * The search covers the policy without a switch and with each: a packet's rule names one tunnel, and of that tunnel's
 * switches one decides. Pure.
 */
export function findFlow(
  policy: FirewallPolicy,
  matches: readonly FlowMatch[],
  isWanted: (path: PathRef) => boolean,
): FoundFlow | undefined {
  const states = [policy, ...fallbackSwitches(policy).map((one) => withFallback(policy, [one]))];
  for (const state of new Set(states)) {
    for (const family of [4, 6] as const) {
      const found = findIn(state, family, matches, isWanted);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function findIn(
  policy: FirewallPolicy,
  family: Family,
  matches: readonly FlowMatch[],
  isWanted: (path: PathRef) => boolean,
): FoundFlow | undefined {
  const layer = policy.layers.at(-1) ?? NO_LAYER;
  const tunnelDevices = policy.layers.flatMap(({ tunnels }) => tunnels.map(({ device }) => device));
  const steered = pathFormula({
    family,
    steering: policy.steering,
    layer,
    sides: TO,
    tunnelDevices,
    isWanted: ({ path }) => (isWanted(path) ? ALWAYS : NEVER),
  });
  const opening = all(POSSIBLE.output, not(deviceIn("out", [LOOPBACK_DEVICE])), trackedAs("new"));
  const asked = all(opening, any(...matches.map((match) => matchFormula(family, match, TO))), steered);
  const space = new PacketSpace({ family, terms: termsOf(asked), markUses: [], devices: ["any"] });
  const set = space.ofFormula(asked);
  if (set === NOTHING) return undefined;
  const point = space.pick(set);
  const { outDevice: _any, ...packet } = showPoint(point, "output");
  const flow = flowOf(packetOf(point, "output"), new Set(tunnelDevices));
  return { packet, reason: compileFlowPath(policy.steering, layer)(flow).reason };
}
