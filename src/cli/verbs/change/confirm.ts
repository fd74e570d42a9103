import { EXIT } from "../../exit-code.ts";
import { changeMachine } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";

/** `awg confirm`: keeps what `awg apply --confirm-within` made. */
export const run: RunVerb = async (call) => {
  const generation = await changeMachine(call, (session) => session.confirm());
  call.terminal.out(
    flagOption(call, "json")
      ? JSON.stringify({ format_version: "1", generation, confirmed: true })
      : `Confirmed. Generation ${generation} holds.`,
  );
  return EXIT.success;
};
