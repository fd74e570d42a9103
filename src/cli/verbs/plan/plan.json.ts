import type { AffectedFlows } from "../../../app/plan/affected/affected-flows.ts";
import type { Planned } from "../../../app/plan/planned.ts";
import { isInSync, stepsOf } from "../../../model/plan.ts";
import type { Verified } from "../../../verify/finding.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { flagOption, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printNotes } from "../../views/notes.ts";
import { printText } from "../../views/print-text.ts";
import { withoutSecrets } from "../../views/resource/without-secrets.ts";
import { styleFor } from "../../views/style.ts";
import { renderVerified, verifiedDocument } from "../../views/verified.ts";
import { affectedLines } from "./affected.human.ts";
import { renderPlan } from "./plan.human.ts";

/** Prints a plan, and what its verification found: to stdout, as text or as one JSON document; notes go to stderr. */
export function printPlanned(
  planned: Planned,
  call: VerbCall,
  { affected, verified }: { readonly affected: AffectedFlows; readonly verified?: Verified | undefined },
): void {
  const { terminal } = call;
  if (flagOption(call, "json")) {
    const verification = verified === undefined ? {} : { verification: verifiedDocument(verified) };
    printDocument(terminal, "plan", { ...planDocument(planned, affected), ...verification });
    return;
  }
  const style = styleFor(terminal.colorErr);
  printNotes(planned.notes, terminal);
  const options = { isVerbose: flagOption(call, "verbose"), resources: planned.desired.resources };
  const text = renderPlan(planned.plan, planned.traffic, styleFor(terminal.colorOut), options);
  printText(terminal, [text, ...affectedLines(affected, options.isVerbose)].join("\n"));
  for (const note of verified?.notes ?? []) terminal.err(`${style.yellow("note:")} ${note}`);
  if (verified !== undefined) printText(terminal, renderVerified(verified, styleFor(terminal.colorOut)));
}

function planDocument(planned: Planned, affected: AffectedFlows): DocumentOf<"plan"> {
  return {
    formatVersion: "1",
    configHash: planned.configHash,
    hostFingerprint: planned.fingerprint,
    inSync: isInSync(planned.plan),
    traffic: planned.traffic,
    affected,
    notes: planned.notes,
    unchanged: planned.plan.unchanged,
    steps: stepsOf(planned.plan).map(({ key, kind, action, phase, before, after, changes, reason }) => ({
      key,
      kind,
      action,
      phase,
      before: withoutSecrets(before),
      after: withoutSecrets(after),
      changes,
      reason,
    })),
  };
}
