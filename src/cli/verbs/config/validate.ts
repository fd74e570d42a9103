import { findSecrets } from "../../../app/load/find-secrets.ts";
import type { OpenHost } from "../../../app/open-host.ts";
import type { System } from "../../../config/feature/support.ts";
import { counted } from "../../../model/text/counted.ts";
import { readConfigFiles, withConfigFiles } from "../../config-files.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf, openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { reportProblems } from "../../views/problems.ts";
import { otherEndsOf, renderOtherEnds } from "./compatible-peers.ts";

/**
 * `awg validate`: every problem at once. It reads the config, checks the files of its secrets, and reads nothing of the
 * host.
 */
export const run: RunVerb = async (asked) => {
  const call = withConfigFiles(asked, asked.args);
  await using host = await openHostFor(call);
  const loaded = await host.configs.load(readConfigFiles(call), await systemOf(host));
  const { config, problems } = loaded;
  const { refused, missing } = findSecrets(loaded, hostOptionsOf(call));
  const failed = config === undefined || (flagOption(call, "strict") && problems.length + refused.length > 0);
  const otherEnds = otherEndsOf(config);
  if (flagOption(call, "json"))
    printDocument(call.terminal, "validate", {
      formatVersion: "1",
      valid: !failed,
      problems,
      otherEnds: otherEnds.map((one) => ({ ...one, peerVersion: one.peerVersion ?? null })),
      refusedSecrets: refused,
      missingSecrets: missing,
    });
  else {
    reportProblems(problems, call);
    for (const line of refused) call.terminal.err(`note: a plan here is refused: ${line}`);
    for (const line of missing) call.terminal.err(`note: ${line}; awg plan needs it`);
  }
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const warnings = problems.length - errors;
  if (!flagOption(call, "json") && failed)
    call.terminal.err(`${counted(errors, "error")}, ${counted(warnings, "warning")}`);
  if (!flagOption(call, "json") && !failed)
    printText(
      call.terminal,
      warnings === 0 ? "The config is valid." : `The config is valid, with ${counted(warnings, "warning")}.`,
    );
  if (!flagOption(call, "json") && !failed)
    for (const line of renderOtherEnds(otherEnds, flagOption(call, "verbose"))) call.terminal.err(line);
  return failed ? EXIT.config : EXIT.success;
};

/** The system of the host; only a simulated one is asked. */
async function systemOf({ parts }: OpenHost): Promise<System> {
  const { host } = parts;
  return host.name === "simulated" ? (await host.facts.read({ users: [], hosts: [] })).os : host.name;
}
