import { type Problem, renderProblem } from "../../config/problem.ts";
import type { VerbCall } from "../verb.ts";

/** Prints problems to stderr, each with its excerpt when a person may be reading. */
export function reportProblems(problems: readonly Problem[], { terminal }: VerbCall): void {
  const excerpt = terminal.interactive || terminal.colorErr;
  const options = { color: terminal.colorErr, excerpt, columns: terminal.columns };
  for (const problem of problems) terminal.err(renderProblem(problem, options));
}
