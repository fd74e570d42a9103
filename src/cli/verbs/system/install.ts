import { EXIT } from "../../exit-code.ts";
import { sessionOptionsOf } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printInstalled } from "./printed-steps.ts";

/** `awg install`: user, config folder and services; what is there already stays. */
export const run: RunVerb = async (call) => {
  const { installAwg } = await import("../../../app/install/install.ts");
  const installed = await installAwg({ ...sessionOptionsOf(call), dryRun: flagOption(call, "dryRun") });
  printInstalled(call, installed, "added");
  return EXIT.success;
};
