import { NDP_FRAME_BYTES } from "../../model/firewall/link-traffic.ts";
import type { FirewallPolicy, PolicyTunnel } from "../../model/firewall/policy.ts";
import { neighbourProbe } from "../policy/link-formula.ts";
import { CARRIES_MARK, grantedBy } from "../policy/policy-formula.ts";
import { POSSIBLE } from "../policy/possible-packets.ts";
import { addressIn } from "../space/conditions.ts";
import type { Diagram } from "../space/decision-diagram.ts";
import { all, any, deviceIn, type Formula, fragmentIs, NEVER, not } from "../space/packet-fields.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";

const whole = fragmentIs("whole", "first");

/**
 * The frames that may leave by the policy (chapter S9).
 *
 * These are packets that S5 and S7 accept without conntrack (S9.1). Later fragments may leave if a whole packet could
 * (S9.2). Every packet with one of awg's marks may leave (S9.3).
 */
export function grantedFrames({ space, granted, question }: FamilyQuestion): Diagram {
  const { diagrams } = space;
  const tunnels = question.policy.layers.flatMap((layer) => layer.tunnels);
  const bySender = grantedBy(question.policy, "output", space.family, { frames: true });
  const sent = space.ofFormula(all(bySender, POSSIBLE.output));
  const across = space.ofFormula(all(granted.forward, POSSIBLE.forward, not(fromTunnel(tunnels))));
  const ofStack = diagrams.or(sent, space.exists(across, "in"));
  const foreign = not(
    addressIn(
      "source",
      space.family,
      tunnels.flatMap((tunnel) => tunnel.addresses),
    ),
  );
  const probes = space.family === 6 ? all(foreign, neighbourProbe(NDP_FRAME_BYTES)) : NEVER;
  const unfragmented = diagrams.or(space.exists(ofStack, "tracking"), space.ofFormula(probes));
  const unmarked = diagrams.or(unfragmented, fragmentsOf(space, question.policy, probes));
  return diagrams.or(unmarked, space.ofFormula(CARRIES_MARK));
}

function fromTunnel(tunnels: readonly PolicyTunnel[]): Formula {
  return deviceIn(
    "in",
    tunnels.map(({ device }) => device),
  );
}

/** S9.2: a later fragment has no ports. Each layer must grant some whole packet with the same other fields (S1.2). */
function fragmentsOf(space: FamilyQuestion["space"], { steering, layers }: FirewallPolicy, probes: Formula): Diagram {
  const { diagrams } = space;
  const addresses = layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const isLater = all(fragmentIs("later"), not(addressIn("source", space.family, addresses)));
  return layers.reduce<Diagram>((left, layer) => {
    const granted = grantedBy({ steering, layers: [layer] }, "output", space.family, { frames: true });
    const wholes = space.exists(space.ofFormula(all(POSSIBLE.output, any(granted, probes), whole)), "tracking");
    const anyPorts = space.exists(space.exists(space.exists(wholes, "word0"), "word2"), "fragment");
    return diagrams.and(left, anyPorts);
  }, space.ofFormula(isLater));
}
