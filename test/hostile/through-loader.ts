import { loadConfig } from "../../src/config/load-config.ts";
import { type Problem, renderProblem } from "../../src/config/problem.ts";
import { exportJson } from "../../src/interchange/json/export-json.ts";
import { isPrintableLine, printable } from "../../src/model/text/printable.ts";
import { HOSTILE_STRINGS } from "./hostile-strings.ts";
import type { Field } from "./schema-fields.ts";

/** What the loader did with a string in a field. */
export interface Passage {
  readonly accepted: boolean;
  /** What is wrong with how it was handled; empty when all is well. */
  readonly complaints: readonly string[];
}

/** Values that no reader may change silently but for their form: addresses, numbers, durations, names of domains. */
const PLAIN = /^[A-Za-z0-9 .:/_*[\]+>=-]*$/;
/** Secrets are shown nowhere, so they may hold anything. */
const SECRET = /(password|password<4>\.inline)$/;

/**
 * Loads the smallest configuration with the string in the field. Law 7: it is refused with file, line and column, or it
 * stands in the configuration as it was written, and writing that down as JSON and reading it gives the same again.
 */
export function passField(field: Field, text: string): Passage {
  const source = { name: "a.yaml", text: JSON.stringify(field.instance(text)) };
  const { config, problems } = loadConfig([source]);
  const complaints = problems.flatMap(problemComplaints);
  const hasErrors = problems.some(({ severity }) => severity === "error");
  if (hasErrors === (config !== undefined)) complaints.push("a configuration and an error at once, or neither");
  if (config === undefined) return { accepted: false, complaints };
  if (!SECRET.test(field.path)) {
    if (!isPrintableLine(text)) complaints.push("what a terminal would act on was accepted");
    if (!JSON.stringify(config).includes(JSON.stringify(text).slice(1, -1)) && !PLAIN.test(text)) {
      complaints.push("it was accepted, and became something else");
    }
    const written = exportJson([source], undefined);
    const again = loadConfig([{ name: "b.json", text: written }]);
    if (JSON.stringify(again.config) !== JSON.stringify(config))
      complaints.push("written as JSON it means something else");
  }
  return { accepted: true, complaints };
}

function problemComplaints(problem: Problem): string[] {
  const { line, column, message, remedy, id } = problem;
  const complaints: string[] = [];
  if (line < 1 || column < 1) complaints.push(`${id} has no place`);
  if (!isPrintableLine(message) || !isPrintableLine(remedy)) complaints.push(`${id} repeats control characters`);
  const shown = printable(renderProblem(problem, { color: false, excerpt: true }));
  if (shown.split("\n").length > 3) complaints.push(`${id} is shown on ${shown.split("\n").length} lines`);
  return complaints;
}

/** Every n-th pair of a field and a string of the corpus; each string and each field comes up. */
export function* pairs(fields: readonly Field[], stride: number): Generator<readonly [Field, string]> {
  for (const [index, field] of fields.entries()) {
    for (const [at, text] of HOSTILE_STRINGS.entries()) if ((index + at) % stride === 0) yield [field, text];
  }
}

/** Passes those pairs through the loader; complaints name field and string. */
export function passPairs(fields: readonly Field[], stride: number): { complaints: string[]; accepted: number } {
  const complaints: string[] = [];
  let accepted = 0;
  for (const [field, text] of pairs(fields, stride)) {
    const passage = passField(field, text);
    if (passage.accepted) accepted += 1;
    for (const what of passage.complaints)
      complaints.push(`${field.path} ${JSON.stringify(text).slice(0, 80)}: ${what}`);
  }
  return { complaints, accepted };
}
