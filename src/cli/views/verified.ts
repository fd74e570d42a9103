import { counted } from "../../model/text/counted.ts";
import { describePacket, type FindingKind, type Verified, type VerifyFinding } from "../../verify/finding.ts";
import type { DocumentOf } from "../documents/documents.ts";
import type { Style } from "./style.ts";

const PLURALS: Readonly<Partial<Record<FindingKind, string>>> = {
  entry: "entries",
  weakness: "weaknesses",
  unjudged: "unjudged",
};

/** Worst first. */
const ORDER: readonly FindingKind[] = [
  "invariant",
  "leak",
  "stray",
  "entry",
  "open-flow",
  "weakness",
  "unjudged",
  "misroute",
  "lock-out",
];

/** What was found as people read it: each finding with its packet and the rules that decided. */
export function renderVerified({ findings, classes }: Verified, style: Style): string {
  if (findings.length === 0) {
    return classes === 0n ? "Nothing to verify." : "Verified: the loaded rules enforce the policy for every packet.";
  }
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const counts = ORDER.flatMap((kind) => {
    const count = findings.filter((finding) => finding.kind === kind).length;
    return count === 0 ? [] : [counted(count, kind, PLURALS[kind])];
  });
  return [...sorted.flatMap((finding) => renderFinding(finding, style)), "", `Found: ${counts.join(", ")}.`].join("\n");
}

function renderFinding({ kind, message, packet, rules }: VerifyFinding, style: Style): string[] {
  const paint = kind === "lock-out" || kind === "misroute" ? style.yellow : style.red;
  return [
    `${paint(`${kind}:`)} ${message}`,
    ...(packet === undefined ? [] : [`    packet ${describePacket(packet)}`]),
    ...rules.slice(-5).map(({ name, verdict }) => style.dim(`    rule ${name} → ${verdict}`)),
  ];
}

/** The findings as one JSON document. */
export function verifiedDocument({ findings, notes, classes }: Verified): DocumentOf<"verify"> {
  return {
    formatVersion: "1",
    verified: findings.length === 0,
    classes: classes.toString(),
    findings: findings.map(({ kind, message, packet, rules }) => ({ kind, message, packet: packet ?? null, rules })),
    notes,
  };
}
