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
  /** The packets that the policy should accept. */
  readonly granted: (hook: Hook, family: Family) => Formula;
  /** The policy in force; null accepts everything. */
  readonly loaded: FirewallPolicy | null;
  /** Devices of tunnels; all others are physical. */
  readonly tunnels: readonly string[];
  /** Devices of the host, physical ones first, without loopback. */
  readonly devices: readonly string[];
  /** Addresses of the host, for example packets. */
  readonly sources: readonly string[];
  /** Dropped packets that are granted are findings too. */
  readonly asksForLockOuts: boolean;
}

/** Compares the policy in force with the granted packets, for every possible packet. Pure. */
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

/** One example packet of a non-empty set. */
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
