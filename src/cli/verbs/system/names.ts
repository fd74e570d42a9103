import { EXIT } from "../../exit-code.ts";
import type { RunVerb } from "../../verb.ts";

/** `awg names`: the resolver; the keeper starts it. */
export const run: RunVerb = async () => {
  const { runNames } = await import("../../../compose/keeper.ts");
  await runNames();
  return EXIT.success;
};
