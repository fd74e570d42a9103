/**
 * Characters that a terminal or an editor acts on instead of showing: C0 and C1 controls but newline and tab, line and
 * paragraph separators, what turns the direction of writing (Unicode UAX 9; CVE-2021-42574 hides code with it), and
 * halves of surrogate pairs, which are no characters.
 */
const UNPRINTABLE = "[^\\P{Cc}\\n\\t]|[\\p{Zl}\\p{Zp}\\p{Cs}\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]";

/** The same with the colours that awg's own views write (ECMA-48 SGR), which stay. */
const COLOR = "\\u001b\\[(?:0|1|2|31|32|33|36)m";

/** Most texts are of these alone; to read the classes of Unicode takes part of a millisecond of each start. */
const PLAIN = /^[\n\t\x20-\x7e]*$/;

/**
 * A text as it may be written to a terminal: what it would act on is shown as a JSON escape (`\u001b`), so that a JSON
 * document means the same as before. Pure.
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

/** The same in one line, for names that come from elsewhere: newline and tab are shown too. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, escaped);
}

/** Whether a text holds nothing that is shown as an escape, and no newline or tab. */
export function isPrintableLine(text: string): boolean {
  return printableLine(text) === text;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
