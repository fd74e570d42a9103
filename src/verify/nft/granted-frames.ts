import { NDP_FRAME_BYTES } from "../../model/firewall/link-traffic.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { MARK_MASK, markOfPath } from "../../model/ownership.ts";
import { neighbourProbe } from "../policy/link-formula.ts";
import { grantedBy } from "../policy/policy-formula.ts";
import { POSSIBLE } from "../policy/possible-packets.ts";
import { addressIn } from "../space/conditions.ts";
import type { Diagram } from "../space/decision-diagram.ts";
import {
  ALWAYS,
  all,
  any,
  deviceIn,
  type Formula,
  fragmentIs,
  markIs,
  NEVER,
  NO_USER,
  not,
  numberIs,
} from "../space/packet-fields.ts";
import { hasLabels } from "./read-tables.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";

const whole = fragmentIs("whole", "first");
const noUser = numberIs("user", NO_USER);

/**
 * The frames that may leave by the policy (docs/security.md S9): what S5 and S7 let out, as far as conntrack need not be
 * asked (S9.1); later fragments where some whole packet could (S9.2). Answers to guests and what is left of flows are told by a
 * label, which no frame has; without labels by their mark alone and by their flow (S9.3, S4.10).
 */
export function grantedFrames({ space, granted, question, own }: FamilyQuestion): Diagram {
  const { diagrams } = space;
  const tunnels = question.policy.layers.flatMap((layer) => layer.tunnels);
  const answers = deviceIn(
    "in",
    tunnels.map(({ device }) => device),
  );
  const isLabelled = hasLabels(own);
  const bySender = isLabelled ? grantedBy(question.policy, "output", space.family, { lasting: false }) : granted.output;
  const sent = diagrams.and(space.ofFormula(bySender), space.ofFormula(POSSIBLE.output));
  const across = space.ofFormula(all(granted.forward, POSSIBLE.forward, isLabelled ? not(answers) : ALWAYS));
  const ofStack = diagrams.or(sent, space.exists(across, "in"));
  const addresses = tunnels.flatMap((tunnel) => tunnel.addresses);
  const foreign = not(addressIn("source", space.family, addresses));
  const probes = space.family === 6 ? all(foreign, neighbourProbe(NDP_FRAME_BYTES)) : NEVER;
  const unfragmented = diagrams.or(space.exists(ofStack, "tracking"), space.ofFormula(probes));
  const packets = diagrams.or(unfragmented, fragmentsOf(space, question.policy, !isLabelled, probes));
  if (isLabelled) return packets;
  const marks = any(...tunnels.map(({ number }) => markIs(MARK_MASK, markOfPath(number))));
  return diagrams.or(packets, space.ofFormula(all(noUser, foreign, marks)));
}

/** S9.2: without ports a later fragment is asked for by each layer alone (S1.2): each must have some whole packet of its kind. */
function fragmentsOf(
  space: FamilyQuestion["space"],
  { steering, layers }: FirewallPolicy,
  lasting: boolean,
  probes: Formula,
): Diagram {
  const { diagrams } = space;
  const addresses = layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const isLater = all(fragmentIs("later"), not(addressIn("source", space.family, addresses)));
  return layers.reduce<Diagram>((left, layer) => {
    const granted = grantedBy({ steering, layers: [layer] }, "output", space.family, { lasting });
    const wholes = space.exists(space.ofFormula(all(POSSIBLE.output, any(granted, probes), whole)), "tracking");
    const anyPorts = space.exists(space.exists(space.exists(wholes, "word0"), "word2"), "fragment");
    return diagrams.and(left, anyPorts);
  }, space.ofFormula(isLater));
}
