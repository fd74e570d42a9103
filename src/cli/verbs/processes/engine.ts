import { AwgError } from "../../../model/error.ts";
import type { RunVerb } from "../../verb.ts";

/** `awg engine <device>`: the embedded engine; the keeper starts it. It ends only when it can carry nothing any more. */
export const run: RunVerb = async (call) => {
  const { runEngineHere } = await import("../../../compose/engine.ts");
  const reason = await runEngineHere(call.args[0] ?? "", call.environment);
  throw new AwgError("host", `the embedded engine of ${call.args[0]} ended: ${reason}`);
};
