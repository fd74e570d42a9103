import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import type { RunVerb } from "../../verb.ts";

/** `awg engine <device>`: the embedded engine; the keeper starts it. It ends only when it can carry nothing any more. */
export const run: RunVerb = async (call) => {
  const { runEngine } = await import("../../../compose/processes.ts");
  const end = await runEngine(call.args[0] ?? "", call.environment);
  if (end !== undefined) throw new AwgError("host", end);
  call.terminal.err("a spare engine was not needed and ended");
  return EXIT.success;
};
