import { type DriftReport, readDrift } from "../../../app/status/drift.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { driftDocument, renderDrift } from "./drift.view.ts";

/** `awg drift`: what the host changed since the last accepted state, never what only the config changed. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const report = await readDrift(host.parts);
  const { terminal } = call;
  if (flagOption(call, "json")) printDocument(terminal, "drift", driftDocument(report));
  else {
    for (const { path, message } of report.notes) terminal.err(`note: ${path}: ${message}`);
    if (report.open !== undefined) terminal.err(`note: ${report.open}; ${openNote(report)}`);
    printText(terminal, renderDrift(report, styleFor(terminal.colorOut)));
  }
  return flagOption(call, "detailedExitcode") && report.drifts.length > 0 ? EXIT.changed : EXIT.success;
};

/** A change on trial is the state in force; of any other open change, awg's own steps are drift from the accepted state. */
function openNote({ generation, openChange }: DriftReport): string {
  if (openChange?.why !== "awaiting-confirmation") return "its changes are listed as drift";
  return `the host is compared with generation ${generation}`;
}
