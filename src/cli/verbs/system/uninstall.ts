import { EXIT } from "../../exit-code.ts";
import { sessionOptionsOf } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { outliveTerminal } from "../change/stop-signals.ts";
import { printInstalled } from "./printed-steps.ts";

/** `awg uninstall`: takes off what `awg install` put here. */
export const run: RunVerb = async (call) => {
  outliveTerminal();
  const { uninstallAwg } = await import("../../../app/install/install.ts");
  const dryRun = flagOption(call, "dryRun");
  const removed = await uninstallAwg({ ...sessionOptionsOf(call), dryRun, force: flagOption(call, "force") });
  printInstalled(call, removed, "removed");
  return EXIT.success;
};
