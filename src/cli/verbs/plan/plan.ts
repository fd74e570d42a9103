import { writeFileSync } from "node:fs";
import type { HostParts } from "../../../app/parts.ts";
import { affectedFlows } from "../../../app/plan/affected/affected-flows.ts";
import type { Planned } from "../../../app/plan/planned.ts";
import { planConfig } from "../../../app/plan/planner.ts";
import { renderSavedPlan } from "../../../app/plan/saved-plan.ts";
import { isInSync } from "../../../model/plan.ts";
import type { Verified } from "../../../verify/finding.ts";
import { withConfigFiles } from "../../config-files.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openHostFor } from "../../open-host.ts";
import { selectionOf } from "../../selection.ts";
import { flagOption, type RunVerb, textOption } from "../../verb.ts";
import { printPlanned } from "./plan.json.ts";

/** `awg plan`: the steps apply would take; `--out` saves them. */
export const run: RunVerb = async (asked) => {
  const call = withConfigFiles(asked, asked.args);
  await using host = await openHostFor(call, true);
  const planned = await planConfig(host.parts, await loadConfigFor(call, host), selectionOf(call));
  const out = textOption(call, "out");
  if (out !== undefined) writeFileSync(out, renderSavedPlan(planned), { mode: 0o600 });
  const verified = flagOption(call, "verify") ? await proofOf(host.parts, planned) : undefined;
  const affected = await affectedFlows(host.parts, planned);
  printPlanned(planned, call, { affected, verified });
  if (out !== undefined && !flagOption(call, "json"))
    call.terminal.err(`Saved to ${out}. Apply exactly this plan: awg apply ${out}`);
  if (verified !== undefined && verified.findings.length > 0) return EXIT.verification;
  return flagOption(call, "detailedExitcode") && !isInSync(planned.plan) ? EXIT.changed : EXIT.success;
};

async function proofOf(parts: HostParts, { plan }: Planned): Promise<Verified> {
  const { verifyPlan } = await import("../../../app/verify/verify-plan.ts");
  return verifyPlan(parts, plan);
}
