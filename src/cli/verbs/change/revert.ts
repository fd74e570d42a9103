import { EXIT } from "../../exit-code.ts";
import { changeMachine } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { renderReverted, revertedDocument } from "./reverted.ts";
import { outliveTerminal } from "./stop-signals.ts";

/** `awg revert`: restores what stood before a change that waits to be confirmed; the keeper runs it with --due. */
export const run: RunVerb = async (call) => {
  outliveTerminal();
  const onlyIfDue = flagOption(call, "due");
  const reverted = await changeMachine(call, (session) => session.revert({ onlyIfDue, tellsRest: true }));
  const isJson = flagOption(call, "json");
  call.terminal.out(isJson ? JSON.stringify(revertedDocument(reverted)) : renderReverted(reverted));
  return EXIT.success;
};
