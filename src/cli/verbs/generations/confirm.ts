import { EXIT } from "../../exit-code.ts";
import { openSessionFor } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";

/** `awg confirm`: keeps what `awg apply --confirm-within` made. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call);
  const generation = await session.confirm();
  call.terminal.out(
    flagOption(call, "json")
      ? JSON.stringify({ format_version: "1", generation, confirmed: true })
      : `Confirmed. Generation ${generation} holds.`,
  );
  return EXIT.success;
};
