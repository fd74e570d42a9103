import type { RunVerb } from "../../verb.ts";

/** `awg relay <proxy>`: the relay of a proxy; the keeper starts it. It ends with its process. */
export const run: RunVerb = async (call) => {
  const { runRelay } = await import("../../../compose/processes.ts");
  return runRelay(call.args[0] ?? "");
};
