import { printableLine } from "../model/text/printable.ts";
import type { ProblemId } from "./problem-catalogue.ts";

/** An error or warning in a config. Never contains a secret; the excerpt is masked. */
export interface Problem {
  readonly id: ProblemId;
  readonly severity: "error" | "warning";
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
  /** Counts from 1, in UTF-16 units. */
  readonly column: number;
  /** First column after the meant text, if it is on the same line. */
  readonly endColumn?: number;
  /** What is wrong. */
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
  /** The line as written, secrets masked; of a long line the part around the column. */
  readonly excerpt?: string;
  /** Column of the excerpt's first character; 1 when absent. */
  readonly excerptColumn?: number;
}

const RED = "\u001b[31m";
const YELLOW = "\u001b[33m";
const RESET = "\u001b[0m";

/** Columns before the carets that a cut excerpt keeps. */
const KEPT_BEFORE = 20;

/**
 * `file:line:column: what is wrong; what to do`, and on request the line with carets below it.
 * @param options.columns the line is cut to fit them: a wrapped one would part the carets from what they mean
 */
export function renderProblem(
  problem: Problem,
  options: { readonly color: boolean; readonly excerpt: boolean; readonly columns?: number },
): string {
  const { file, line, column, severity, message, remedy, id } = problem;
  const paint = (text: string) => (options.color ? `${severity === "error" ? RED : YELLOW}${text}${RESET}` : text);
  const warning = severity === "warning" ? `${paint("warning")}: ` : "";
  const head = `${printableLine(file)}:${line}:${column}: ${warning}${message}${remedy === "" ? "" : `; ${remedy}`} [${id}]`;
  if (!options.excerpt || problem.excerpt === undefined) return head;
  const gutter = `${line} | `;
  const columns = (options.columns ?? Number.POSITIVE_INFINITY) - gutter.length - "  ".length;
  const { shown, from } = cutExcerpt(problem.excerpt, column - (problem.excerptColumn ?? 1), columns);
  const carets = caretLine({ ...problem, excerptColumn: (problem.excerptColumn ?? 1) + from }, shown);
  return `${head}\n  ${gutter}${shown}\n  ${" ".repeat(gutter.length)}${paint(carets)}`;
}

/** The part of a line that fits, with the place meant in it. */
function cutExcerpt(line: string, place: number, columns: number): { readonly shown: string; readonly from: number } {
  if (line.length <= columns) return { shown: line, from: 0 };
  const from = Math.max(0, Math.min(place - KEPT_BEFORE, line.length - columns));
  const [start, end] = [from === 0 ? "" : "…", from + columns < line.length ? "…" : ""];
  return { shown: `${start}${line.slice(from + start.length, from + columns - end.length)}${end}`, from };
}

/** Tabs are kept, so that the carets align. */
function caretLine({ column, endColumn = column + 1, excerptColumn = 1 }: Problem, excerpt: string): string {
  const start = column - excerptColumn;
  const end = Math.min(endColumn - excerptColumn, excerpt.length);
  const before = excerpt.slice(0, start).replace(/[^\t]/g, " ");
  return before.padEnd(start) + "^".repeat(Math.max(1, end - start));
}
