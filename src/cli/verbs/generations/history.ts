import { EXIT } from "../../exit-code.ts";
import { openSessionFor } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { historyDocument, renderHistory } from "../../views/history.ts";
import { styleFor } from "../../views/style.ts";

/** `awg history`: the generations that are kept, and what each changed. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call);
  const entries = await session.history();
  const { terminal } = call;
  if (flagOption(call, "json")) terminal.out(JSON.stringify(historyDocument(entries)));
  else terminal.out(renderHistory(entries, styleFor(terminal.colorOut)));
  return EXIT.success;
};
