import { writeFileSync } from "node:fs";
import { isInSync } from "../../../model/plan.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openSessionFor } from "../../open-session.ts";
import { selectionOf } from "../../selection.ts";
import { flagOption, type RunVerb, textOption } from "../../verb.ts";
import { printPlanned } from "./plan.json.ts";

/** `awg plan`: the steps apply would take; `--out` saves them. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call, true);
  const planned = await session.plan(await loadConfigFor(call, session), selectionOf(call));
  const out = textOption(call, "out");
  if (out !== undefined) writeFileSync(out, session.renderSavedPlan(planned), { mode: 0o600 });
  const verified = flagOption(call, "verify") ? await session.verifyPlan(planned) : undefined;
  printPlanned(planned, call, verified);
  if (out !== undefined && !flagOption(call, "json"))
    call.terminal.err(`saved to ${out}; carry it out with: awg apply ${out}`);
  if (verified !== undefined && verified.findings.length > 0) return EXIT.verification;
  return flagOption(call, "detailedExitcode") && !isInSync(planned.plan) ? EXIT.changed : EXIT.success;
};
