import { installAwg } from "../../../app/install/install.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostToChange } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printInstalled } from "./printed-steps.ts";

/** `awg install`: user, config folder and services; what is there already stays. */
export const run: RunVerb = async (call) => {
  await using host = await openHostToChange(call);
  const installed = await installAwg(host.parts, { dryRun: flagOption(call, "dryRun") });
  printInstalled(call, installed, "added");
  return EXIT.success;
};
