import { judge } from "../../model/firewall/evaluate.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { type FindingKind, showPoint, type Verified, type VerifyFinding } from "../finding.ts";
import { type Diagram, NOTHING } from "../space/decision-diagram.ts";
import { packetOf } from "../space/header-point.ts";
import { ALWAYS, deviceIn, type Formula, termsOf } from "../space/packet-fields.ts";
import { PacketSpace } from "../space/packet-space.ts";
import { grantedBy } from "./policy-formula.ts";
import { HOOKS, type Hook, POSSIBLE } from "./possible-packets.ts";

export interface PolicyComparison {
  /** What may pass. */
  readonly granted: (hook: Hook, family: Family) => Formula;
  /** What is in force; null lets everything pass. */
  readonly loaded: FirewallPolicy | null;
  /** Tunnels' devices; all others are physical. */
  readonly tunnels: readonly string[];
  /** Devices of the machine, physical ones first; loopback left out. */
  readonly devices: readonly string[];
  /** Addresses of the machine, to show packets with. */
  readonly sources: readonly string[];
  /** Whether what is granted and dropped is a finding too. */
  readonly asksForLockOuts: boolean;
}

/** Holds the policy in force against what is granted, for every packet there can be. Pure. */
export function comparePolicies(comparison: PolicyComparison): Verified {
  const findings: VerifyFinding[] = [];
  let classes = 0n;
  for (const family of [4, 6] as const) {
    const asked = HOOKS.map((hook) => ({
      hook,
      granted: comparison.granted(hook, family),
      passing: comparison.loaded === null ? ALWAYS : grantedBy(comparison.loaded, hook, family),
    }));
    const inTunnel = deviceIn("out", comparison.tunnels);
    const formulas = [
      ...asked.flatMap(({ granted, passing }) => [granted, passing]),
      ...Object.values(POSSIBLE),
      inTunnel,
    ];
    const { devices, sources } = comparison;
    const space = new PacketSpace({ family, terms: formulas.flatMap(termsOf), markUses: [], devices, sources });
    classes += Object.values(space.sizes()).reduce((product, size) => product * BigInt(size), 1n);
    const { diagrams } = space;
    for (const { hook, granted, passing } of asked) {
      const [possible, may, does] = [POSSIBLE[hook], granted, passing].map((formula) => space.ofFormula(formula)) as [
        Diagram,
        Diagram,
        Diagram,
      ];
      const out = diagrams.and(possible, diagrams.minus(does, may));
      const lost = diagrams.and(possible, diagrams.minus(may, does));
      const byTunnel = space.ofFormula(inTunnel);
      const sets: [FindingKind, Diagram][] =
        hook === "input"
          ? [["entry", out]]
          : [
              ["leak", diagrams.minus(out, byTunnel)],
              ["stray", diagrams.and(out, byTunnel)],
            ];
      if (comparison.asksForLockOuts) sets.push(["lock-out", lost]);
      for (const [kind, set] of sets) findings.push(...show(comparison, space, hook, kind, set));
    }
  }
  return { findings, notes: [], classes };
}

const WORDS: Readonly<Partial<Record<FindingKind, string>>> = {
  leak: "leaves by a physical device though nothing grants it",
  stray: "leaves by a tunnel that is not its path",
  entry: "enters though nothing grants it",
  "lock-out": "is dropped though it is granted",
};

/** One packet of the set, if there is any. */
function show(
  { loaded }: PolicyComparison,
  space: PacketSpace,
  hook: Hook,
  kind: FindingKind,
  set: Diagram,
): VerifyFinding[] {
  if (set === NOTHING) return [];
  const point = space.pick(set);
  const said =
    loaded === null ? { verdict: "accept", reason: "no policy is loaded" } : judge(loaded, packetOf(point, hook));
  const message = `${WORDS[kind] ?? kind}: ${said.reason} (IPv${space.family})`;
  return [{ kind, message, packet: showPoint(point, hook), rules: [{ name: said.reason, verdict: said.verdict }] }];
}
