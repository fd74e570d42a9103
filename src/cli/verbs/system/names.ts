import { EXIT } from "../../exit-code.ts";
import type { RunVerb } from "../../verb.ts";

/** `awg names`: the resolver; the keeper starts it. */
export const run: RunVerb = async () => {
  const { runNames } = await import("../../../compose/processes.ts");
  await runNames();
  return EXIT.success;
};
