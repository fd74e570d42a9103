import type { Examination, Finding } from "../../../app/doctor/finding.ts";
import { counted } from "../../../model/text/counted.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import type { NameHost } from "../../terminal.ts";
import type { Style } from "../../views/style.ts";

/** Whether nothing was found that keeps awg from its work. */
export function isHealthy({ findings }: Examination): boolean {
  return findings.every(({ severity }) => severity !== "fault");
}

/** The same with the options of the host in each command. */
export function namingHost({ findings, looked }: Examination, nameHost: NameHost = (text) => text): Examination {
  const named = findings.map((one) => ({ ...one, what: nameHost(one.what), remedy: one.remedy.map(nameHost) }));
  return { findings: named, looked };
}

/** What was found as people read it: each with what was seen, what the remedy costs and what to type. */
export function renderExamination(examination: Examination, style: Style): string {
  const { findings, looked } = examination;
  const faults = findings.filter(({ severity }) => severity === "fault").length;
  const seen = style.dim(`Checked: ${looked.join("; ")}.`);
  const verdict =
    faults === 0
      ? style.green(findings.length === 0 ? "No faults." : `No faults; ${counted(findings.length, "note")}.`)
      : style.red(`${counted(faults, "fault")}.`);
  return [...findings.flatMap((finding) => renderFinding(finding, style)), verdict, seen].join("\n");
}

function renderFinding(
  { id, severity, what, evidence, consequence, remedy }: Finding,
  style: Style,
): readonly string[] {
  const mark = severity === "fault" ? style.red("✗") : style.yellow("!");
  return [
    `${mark} ${what} ${style.dim(`[${id}]`)}`,
    ...evidence.map((text) => `    seen: ${text}`),
    ...(consequence === undefined ? [] : [`    cost: ${consequence}`]),
    ...remedy.map((line, index) => `    ${index === 0 ? "do:  " : "     "} ${style.bold(line)}`),
    "",
  ];
}

/** The same as one JSON document. */
export function doctorDocument(examination: Examination): DocumentOf<"doctor"> {
  return {
    formatVersion: "1",
    healthy: isHealthy(examination),
    findings: examination.findings,
    lookedAt: examination.looked,
  };
}
