import { examineHost } from "../../../app/doctor/examine.ts";
import type { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { doctorDocument, isHealthy, namingHost, renderExamination } from "./doctor.view.ts";

/** `awg doctor`: faults of this host or its installation, and commands to fix them; exit 6 if there is any. */
export const run: RunVerb = async (call) => {
  const silences: AwgError[] = [];
  await using host = await openHostFor(call, false, (silence) => void silences.push(silence));
  const { terminal } = call;
  const examination = namingHost(await examineHost(host.parts, silences), terminal.nameHost);
  if (flagOption(call, "json")) printDocument(terminal, "doctor", doctorDocument(examination));
  else printText(terminal, renderExamination(examination, styleFor(terminal.colorOut)));
  return isHealthy(examination) ? EXIT.success : EXIT.verification;
};
