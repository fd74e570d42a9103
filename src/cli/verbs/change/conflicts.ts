import { readConflicts, stopConflicts } from "../../../app/install/conflicting-services.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostToChange } from "../../open-host.ts";
import { flagOption, listOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";

/** `awg conflicts`: running services of other VPN programs, after those of `--stop` were stopped. */
export const run: RunVerb = async (call) => {
  const names = listOption(call, "stop");
  await using host = await openHostToChange(call);
  if (names.length > 0) await stopConflicts(host.parts, names);
  const services = await readConflicts(host.parts);
  if (flagOption(call, "json")) printDocument(call.terminal, "conflicts", { formatVersion: "1", services });
  else if (services.length === 0) printText(call.terminal, "No service of another VPN program runs.");
  else for (const { name, program, why } of services) printText(call.terminal, `${name}: ${program}; ${why}`);
  return EXIT.success;
};
