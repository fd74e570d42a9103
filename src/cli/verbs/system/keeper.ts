import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { flagOption, type RunVerb, textOption } from "../../verb.ts";

/** `awg keeper`: the process itself; awg starts it when an apply needs it. */
export const run: RunVerb = async (call) => {
  const runDir = textOption(call, "runDir");
  if (runDir === undefined)
    throw new AwgError("usage", "the keeper needs --run-dir", { remedy: "let awg start it, or name the folder" });
  const { runKeeper } = await import("../../../compose/processes.ts");
  await runKeeper(runDir, { isService: flagOption(call, "stay") });
  return EXIT.success;
};
