import { type Automaton, accepts, automaton } from "./automaton.ts";
import { globSyntax } from "./glob-syntax.ts";
import { regexSyntax } from "./regex-syntax.ts";
import { backwards, literal, type Syntax } from "./syntax.ts";

/** A pattern on the path of a program's file. */
export type PathPattern = { readonly glob: string } | { readonly contains: string } | { readonly regex: string };

/** A pattern on the path of a program's file, or a regular expression on its command line. */
export type Pattern = PathPattern | { readonly commandLine: string };

/** Bytes of a command line or path that are looked at. */
export const MOST_TEXT_BYTES = 4096;

/** The pattern in a question about a program; undefined if it is none. */
export function patternOf(question: object): Pattern | undefined {
  if ("glob" in question) return { glob: question.glob as string };
  if ("contains" in question) return { contains: question.contains as string };
  if ("regex" in question) return { regex: question.regex as string };
  return "commandLine" in question ? { commandLine: question.commandLine as string } : undefined;
}

/**
 * The automaton of a pattern: a glob is the whole text, anything else is found in it. Paths are read from their ends, as the
 * kernel finds their names; command lines from their begin.
 *
 * @throws UnsupportedRegex, PatternTooLarge
 */
export function patternAutomaton(pattern: Pattern): Automaton {
  const isSearch = !("glob" in pattern);
  if ("commandLine" in pattern) return automaton(regexSyntax(pattern.commandLine), { isSearch });
  return automaton(backwards(pathSyntax(pattern)), { isSearch });
}

function pathSyntax(pattern: PathPattern): Syntax {
  if ("glob" in pattern) return globSyntax(pattern.glob);
  if ("regex" in pattern) return regexSyntax(pattern.regex);
  return literal(new TextEncoder().encode(pattern.contains));
}

/** Automata of patterns that were asked for before. */
const COMPILED = new Map<string, Automaton>();
const MOST_COMPILED = 256;

/** Whether a text matches; its first 4,096 bytes count. Takes time in proportion to it, for any pattern. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const bytes = new TextEncoder().encode(text).subarray(0, MOST_TEXT_BYTES);
  return accepts(compiled(pattern), "commandLine" in pattern ? bytes : bytes.toReversed());
}

function compiled(pattern: Pattern): Automaton {
  const key = JSON.stringify(pattern);
  const known = COMPILED.get(key);
  if (known !== undefined) return known;
  if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
  const found = patternAutomaton(pattern);
  COMPILED.set(key, found);
  return found;
}

/** Arguments as one text, as the patterns of a command line see them. */
export function commandText(commandLine: readonly string[]): string {
  return commandLine.join(" ");
}
