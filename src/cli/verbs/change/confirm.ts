import { confirmNow } from "../../../app/apply/confirmation.ts";
import { EXIT } from "../../exit-code.ts";
import { changeHost } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";

/** `awg confirm`: keeps what `awg apply --confirm-within` made. */
export const run: RunVerb = async (call) => {
  const generation = await changeHost(call, ({ parts }) => confirmNow(parts));
  call.terminal.out(
    flagOption(call, "json")
      ? JSON.stringify({ format_version: "1", generation, confirmed: true })
      : `Confirmed. Generation ${generation} holds.`,
  );
  return EXIT.success;
};
