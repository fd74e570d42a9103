import { type Automaton, accepts, automaton } from "./automaton.ts";
import { globSyntax } from "./glob-syntax.ts";
import { regexSyntax } from "./regex-syntax.ts";
import { literal } from "./syntax.ts";

/** A pattern on the path of a program's file, or on a command line. */
export type Pattern = { readonly glob: string } | { readonly contains: string } | { readonly regex: string };

/** Bytes of a command line or path that are looked at. */
export const MOST_TEXT_BYTES = 4096;

/**
 * The automaton of a pattern: a glob is the whole text, anything else is found in it.
 *
 * @throws UnsupportedRegex, PatternTooLarge
 */
export function patternAutomaton(pattern: Pattern): Automaton {
  if ("glob" in pattern) return automaton(globSyntax(pattern.glob));
  if ("regex" in pattern) return automaton(regexSyntax(pattern.regex), { isSearch: true });
  return automaton(literal(new TextEncoder().encode(pattern.contains)), { isSearch: true });
}

/** Automata of patterns that were asked for before. */
const COMPILED = new Map<string, Automaton>();
const MOST_COMPILED = 256;

/** Whether a text matches; its first 4,096 bytes count. Takes time in proportion to it, for any pattern. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  return accepts(compiled(pattern), new TextEncoder().encode(text).subarray(0, MOST_TEXT_BYTES));
}

function compiled(pattern: Pattern): Automaton {
  const key =
    "glob" in pattern ? `g${pattern.glob}` : "regex" in pattern ? `r${pattern.regex}` : `c${pattern.contains}`;
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
