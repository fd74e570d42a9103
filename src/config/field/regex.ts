import { PatternTooLarge } from "../../model/program/pattern/automaton.ts";
import { type Pattern, patternAutomaton } from "../../model/program/pattern/pattern.ts";
import { UnsupportedRegex } from "../../model/program/pattern/regex-syntax.ts";
import { type Fault, fault, isFault } from "./leaf.ts";
import { checkAbsolutePath, checkText } from "./scalar.ts";

/** A regular expression on a path. */
export function checkRegex(input: unknown): string | Fault {
  return checkExpression(input, (regex) => ({ regex }));
}

/** A regular expression on a command line. */
export function checkCommandRegex(input: unknown): string | Fault {
  return checkExpression(input, (commandLine) => ({ commandLine }));
}

/** JavaScript's syntax with the `u` flag, as far as an automaton matches it in linear time. */
function checkExpression(input: unknown, toPattern: (expression: string) => Pattern): string | Fault {
  const pattern = checkText(input, 1000);
  if (typeof pattern !== "string") return pattern;
  try {
    new RegExp(pattern, "u");
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, "").toLowerCase() : "it cannot be read";
    return fault("regex-syntax", `the regular expression is not valid (${reason})`, "correct it, or use contains");
  }
  return refusalOf(toPattern(pattern)) ?? pattern;
}

/** A path, in which `*` and `**` make a pattern. */
export function checkPathPattern(input: unknown): string | Fault {
  const path = checkAbsolutePath(input);
  if (isFault(path) || !path.includes("*")) return path;
  return refusalOf({ glob: path }) ?? path;
}

/** A part of a path. */
export function checkContained(input: unknown): string | Fault {
  return checkText(input, MOST_CONTAINED);
}

/** Of at most four bytes each, which an automaton has states for. */
const MOST_CONTAINED = 100;

function refusalOf(pattern: Pattern): Fault | undefined {
  try {
    patternAutomaton(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof UnsupportedRegex) {
      return fault(
        "regex-syntax",
        `awg cannot match the regular expression: ${error.message}`,
        "write it without that",
      );
    }
    if (!(error instanceof PatternTooLarge)) throw error;
    return fault("pattern-large", `the pattern is too large: ${error.message}`, "shorten it, or use contains");
  }
}
