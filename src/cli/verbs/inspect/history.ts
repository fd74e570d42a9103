import { historyOf } from "../../../app/history/history.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { historyDocument, renderHistory } from "./history.view.ts";

/** `awg history`: the generations that are kept, and what each changed; a code of its own where some cannot be read. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  if (flagOption(call, "audit")) return printAudit(call, host.parts.stateDir);
  const entries = await historyOf(host.parts.stores);
  const { terminal } = call;
  if (flagOption(call, "json")) printDocument(terminal, "history", historyDocument(entries));
  else printText(terminal, renderHistory(entries, styleFor(terminal.colorOut)));
  const unreadable = entries.filter((entry) => "error" in entry);
  const [first] = unreadable;
  if (first === undefined) return EXIT.success;
  const numbers = unreadable.map(({ number }) => number).join(", ");
  const what = unreadable.length === 1 ? "Generation" : "Generations";
  terminal.err(`${what} ${numbers} cannot be read; awg doctor says what may be done.`);
  return exitCodeOf(first.error);
};

async function printAudit(call: VerbCall, stateDir: string): Promise<ExitCode> {
  const { recordedChanges } = await import("../../../app/audit/audited.ts");
  const { auditDocumentOf, renderAudit } = await import("../../views/audit.ts");
  const entries = recordedChanges(stateDir);
  const { terminal } = call;
  if (flagOption(call, "json")) printDocument(terminal, "audit", auditDocumentOf(entries));
  else printText(terminal, renderAudit(entries, styleFor(terminal.colorOut)));
  return EXIT.success;
}
