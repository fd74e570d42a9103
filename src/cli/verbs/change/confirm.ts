import { confirmNow } from "../../../app/apply/confirmation.ts";
import { EXIT } from "../../exit-code.ts";
import { changeHost } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";

/** `awg confirm`: keeps what `awg apply --confirm-within` made. */
export const run: RunVerb = async (call) => {
  const generation = await changeHost(call, ({ parts }) => confirmNow(parts));
  if (flagOption(call, "json"))
    printDocument(call.terminal, "confirm", { formatVersion: "1", generation, confirmed: true });
  else call.terminal.out(`Confirmed (generation ${generation}).`);
  return EXIT.success;
};
