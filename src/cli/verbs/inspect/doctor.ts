import { EXIT } from "../../exit-code.ts";
import { sessionOptionsOf } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { styleFor } from "../../views/style.ts";
import { doctorDocument, isHealthy, renderExamination } from "./doctor.view.ts";

/** `awg doctor`: what is wrong with this machine or its installation, and what to type; exit 6 when something is. */
export const run: RunVerb = async (call) => {
  const { examineMachine } = await import("../../../app/doctor/examine.ts");
  const examination = await examineMachine(sessionOptionsOf(call));
  const { terminal } = call;
  terminal.out(
    flagOption(call, "json")
      ? JSON.stringify(doctorDocument(examination))
      : renderExamination(examination, styleFor(terminal.colorOut)),
  );
  return isHealthy(examination) ? EXIT.success : EXIT.verification;
};
