import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { MARK_MASK, markOfPath } from "../../../model/ownership.ts";
import { grantedBy } from "../../../model/verify/policy-formula.ts";
import { POSSIBLE } from "../../../model/verify/possible-packets.ts";
import { addressIn } from "../../../model/verify/space/conditions.ts";
import type { Diagram } from "../../../model/verify/space/diagrams.ts";
import { all, any, fragmentIs, markIs, NO_USER, not, numberIs } from "../../../model/verify/space/term.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";

const whole = fragmentIs("whole", "first");
const noUser = numberIs("user", NO_USER);

/**
 * The frames that may leave by the policy (docs/security.md S9): what S5 and S7 let out, as far as conntrack need not be
 * asked (S9.1); later fragments where some whole packet could (S9.2); answers to guests by their mark (S9.3).
 */
export function grantedFrames({ space, granted, question }: FamilyQuestion): Diagram {
  const { diagrams } = space;
  const sent = diagrams.and(space.ofFormula(granted.output), space.ofFormula(POSSIBLE.output));
  const crossing = diagrams.and(space.ofFormula(granted.forward), space.ofFormula(POSSIBLE.forward));
  const ofStack = diagrams.or(sent, space.exists(crossing, "in"));
  const packets = space.exists(ofStack, "tracking");
  const fragments = fragmentsOf(space, question.policy);
  const numbers = question.policy.layers.flatMap(({ tunnels }) => tunnels.map(({ number }) => number));
  const addresses = question.policy.layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const foreign = not(addressIn("source", space.family, addresses));
  const guests = space.ofFormula(
    all(noUser, foreign, any(...numbers.map((number) => markIs(MARK_MASK, markOfPath(number))))),
  );
  return [fragments, guests].reduce((union, part) => diagrams.or(union, part), packets);
}

/** S9.2: without ports a later fragment is asked for by each layer alone (S1.2): each must have some whole packet of its kind. */
function fragmentsOf(space: FamilyQuestion["space"], { steering, layers }: FirewallPolicy): Diagram {
  const { diagrams } = space;
  const addresses = layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const isLater = all(fragmentIs("later"), not(addressIn("source", space.family, addresses)));
  return layers.reduce<Diagram>((left, layer) => {
    const granted = grantedBy({ steering, layers: [layer] }, "output", space.family);
    const wholes = space.exists(space.ofFormula(all(POSSIBLE.output, granted, whole)), "tracking");
    const anyPorts = space.exists(space.exists(space.exists(wholes, "word0"), "word2"), "fragment");
    return diagrams.and(left, anyPorts);
  }, space.ofFormula(isLater));
}
