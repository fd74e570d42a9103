import { revertNow } from "../../../app/apply/confirmation.ts";
import { EXIT } from "../../exit-code.ts";
import { changeHost } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { renderReverted, revertedDocument } from "./reverted.ts";
import { outliveTerminal } from "./stop-signals.ts";

/** `awg revert`: restores the state before a change that awaits confirmation; the keeper runs it with --due. */
export const run: RunVerb = async (call) => {
  outliveTerminal();
  const onlyIfDue = flagOption(call, "due");
  const reverted = await changeHost(call, ({ parts }) => revertNow(parts, { onlyIfDue, reportsRest: true }));
  const isJson = flagOption(call, "json");
  call.terminal.out(isJson ? JSON.stringify(revertedDocument(reverted)) : renderReverted(reverted));
  return EXIT.success;
};
