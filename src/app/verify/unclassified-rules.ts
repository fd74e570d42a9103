import type { FirewallPolicy, FlowMatch } from "../../model/firewall/policy.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { originText } from "../../model/text/origin-text.ts";
import type { VerifyFinding } from "../../verify/finding.ts";
import type { HostParts } from "../parts.ts";
import { classifierFaults } from "../programs/classifier-faults.ts";

const MOST_NAMED = 3;

/** The rules by program that the kernel's classifier does not enforce as accepted: one finding for each of its faults. */
export async function unclassifiedRules(
  { host }: HostParts,
  { resources }: DesiredState,
  { steering }: FirewallPolicy,
): Promise<readonly VerifyFinding[]> {
  const accepted = resources.find((resource) => resource.kind === "classifier")?.spec;
  if (accepted === undefined) return [];
  const isByClass = ({ classes }: FlowMatch) => classes !== undefined && "in" in classes;
  const origins = steering.rules.flatMap(({ match, origin }) => (isByClass(match) ? [origin] : []));
  const rules = rulesText([...new Set(origins)]);
  return classifierFaults(accepted, await host.classifier?.read()).map((fault) => ({
    kind: "misroute",
    message: `${fault}; ${rules} may not match new sockets; run awg apply`,
    rules: [],
  }));
}

/** "rules.0 (browser), rules.2 and 4 more rules". */
function rulesText(origins: readonly string[]): string {
  const named = origins.slice(0, MOST_NAMED).map(originText);
  const more = origins.length - named.length;
  const rest = more === 0 ? "" : ` and ${more} more ${more === 1 ? "rule" : "rules"}`;
  return `${named.join(", ")}${rest}`;
}
