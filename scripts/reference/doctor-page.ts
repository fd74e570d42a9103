import { FINDING_CATALOGUE } from "../../src/app/doctor/finding-catalogue.ts";
import { cell, code, generatedFrom, page, table } from "./markdown.ts";

/** The page of doctor's findings. */
export function doctorPage(): string {
  const rows = Object.entries(FINDING_CATALOGUE).map(([id, { severity, meaning }]) => [
    code(id),
    severity,
    cell(meaning),
  ]);
  return page(
    generatedFrom("src/app/doctor/finding-catalogue.ts"),
    "# Findings of awg doctor",
    "This page is for operators. It lists the ids that `awg doctor` prints; the finding itself names the commands to type.",
    "A *fault* stops awg from working or leaves traffic unprotected (exit 6). A *note* is worth knowing (exit 0). The ids are stable.",
    table(["id", "severity", "meaning"], rows),
  );
}
