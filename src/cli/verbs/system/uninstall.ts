import { uninstallAwg } from "../../../app/install/install.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostToChange } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { outliveTerminal } from "../change/stop-signals.ts";
import { printInstalled } from "./printed-steps.ts";

/** `awg uninstall`: takes off what `awg install` put here. */
export const run: RunVerb = async (call) => {
  outliveTerminal();
  await using host = await openHostToChange(call);
  const dryRun = flagOption(call, "dryRun");
  const removed = await uninstallAwg(host.parts, { dryRun, force: flagOption(call, "force") });
  printInstalled(call, removed, "removed");
  return EXIT.success;
};
