import { revertNow } from "../../../app/apply/confirmation.ts";
import { endOverride } from "../../../app/down/end-override.ts";
import { EXIT } from "../../exit-code.ts";
import { changeHost } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { renderReverted, revertedDocument } from "./reverted.ts";
import { outliveTerminal } from "./stop-signals.ts";

/** `awg revert`: restores the state before a change that awaits confirmation; the keeper runs it with --due. */
export const run: RunVerb = async (call) => {
  outliveTerminal();
  const onlyIfDue = flagOption(call, "due");
  const reverted = await changeHost(call, async ({ parts }) => {
    const undone = await revertNow(parts, { onlyIfDue, reportsRest: true });
    return undone === undefined && onlyIfDue ? endOverride(parts) : undone;
  });
  const isJson = flagOption(call, "json");
  if (isJson) printDocument(call.terminal, "revert", revertedDocument(reverted));
  else printText(call.terminal, renderReverted(reverted));
  return EXIT.success;
};
