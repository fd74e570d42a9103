/**
 * Characters that a terminal or editor interprets: C0 and C1 controls except newline and tab, line and paragraph
 * separators, bidirectional controls (Unicode UAX 9; CVE-2021-42574), and unpaired surrogates.
 */
const UNPRINTABLE = "[^\\P{Cc}\\n\\t]|[\\p{Zl}\\p{Zp}\\p{Cs}\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]";

/** The same except the colours of awg's own views (ECMA-48 SGR). */
const COLOR = "\\u001b\\[(?:0|1|2|22|31|32|33|36|39)m";

/** Most texts have only these; reading Unicode's classes takes part of a millisecond of each start. */
const PLAIN = /^[\n\t\x20-\x7e]*$/;

/**
 * A text that is safe for a terminal: interpreted characters become JSON escapes (`\u001b`), so a JSON document keeps
 * its meaning. Pure.
 * @param color whether awg's own colours stay
 */
export function printable(text: string, color = false): string {
  if (PLAIN.test(text)) return text;
  return text.replace(patternOf(color), (found) => (found.length > 1 ? found : escaped(found)));
}

const patterns = new Map<boolean, RegExp>();

function patternOf(color: boolean): RegExp {
  const pattern = patterns.get(color) ?? new RegExp(color ? `${COLOR}|${UNPRINTABLE}` : UNPRINTABLE, "gu");
  patterns.set(color, pattern);
  return pattern;
}

/** The same on one line, for foreign names: newline and tab are escaped too. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, escaped);
}

/** Whether a text needs no escape and has no newline or tab. */
export function isPrintableLine(text: string): boolean {
  return printableLine(text) === text;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
