import { examineHost } from "../../../app/doctor/examine.ts";
import type { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { styleFor } from "../../views/style.ts";
import { wrapped } from "../../views/wrapped.ts";
import { doctorDocument, isHealthy, namingHost, renderExamination } from "./doctor.view.ts";

/** `awg doctor`: faults of this host or its installation, and commands to fix them; exit 6 if there is any. */
export const run: RunVerb = async (call) => {
  const silences: AwgError[] = [];
  await using host = await openHostFor(call, false, (silence) => void silences.push(silence));
  const { terminal } = call;
  const examination = namingHost(await examineHost(host.parts, silences), terminal.nameHost);
  terminal.out(
    flagOption(call, "json")
      ? JSON.stringify(doctorDocument(examination))
      : wrapped(renderExamination(examination, styleFor(terminal.colorOut)), terminal),
  );
  return isHealthy(examination) ? EXIT.success : EXIT.verification;
};
