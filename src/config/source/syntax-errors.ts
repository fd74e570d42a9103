import { type Document, isCollection, isNode, isPair, isScalar, type Scalar, type YAMLError } from "yaml";
import type { Findings } from "./finding.ts";
import type { Place } from "./source-node.ts";

/** Refuses directives: one could select YAML 1.1. */
export function reportDirective(source: number, token: { offset: number; source: string }, findings: Findings): void {
  if (/^%YAML\s+1\.2\s*$/.test(token.source)) return;
  const place = { source, start: token.offset, end: token.offset + token.source.length };
  findings.add(
    "yaml-directive",
    place,
    "YAML directives are not supported",
    "remove the line; the file is read as YAML 1.2",
  );
}

/** Reports why the text is not YAML, at the first few places; returns whether it was not. */
export function reportSyntaxErrors(
  source: number,
  text: string,
  documents: readonly Document.Parsed[],
  findings: Findings,
): boolean {
  const errors = documents
    .flatMap((document) => document.errors.map((error) => ({ error, start: beginningOf(error, text, document) })))
    .sort((a, b) => a.start - b.start);
  for (const { error, start } of errors.slice(0, MAX_SYNTAX_ERRORS)) {
    const end = start === error.pos[0] ? error.pos[1] : start + 1;
    reportError(error, { source, start, end }, text, findings);
  }
  return errors.length > 0;
}

/** One mistake causes many errors after it. */
const MAX_SYNTAX_ERRORS = 5;

/** A missing closing quote is noticed at the end of the text; the place where it began is more useful. */
function beginningOf(error: YAMLError, text: string, document: Document.Parsed): number {
  const [at] = error.pos;
  if (error.code !== "MISSING_CHAR" || !/closing ["']/.test(error.message)) return at;
  const scalar = lastScalar(document.contents, at);
  const start = scalar?.range?.[0];
  return start !== undefined && start < at && /["']/.test(text[start] ?? "") ? start : at;
}

function lastScalar(root: unknown, before: number): Scalar.Parsed | undefined {
  let node = root;
  while (isCollection(node)) {
    const parts: unknown[] = node.items.flatMap((item) => (isPair(item) ? [item.key, item.value] : [item]));
    node = parts.findLast((part) => isNode(part) && (part.range?.[0] ?? before) < before);
  }
  return isScalar(node) ? (node as Scalar.Parsed) : undefined;
}

/** The library's messages may quote the text, which may be a secret, so messages are selected by code. */
const SYNTAX_MESSAGES: Readonly<Partial<Record<YAMLError["code"], readonly [string, string]>>> = {
  BAD_COLLECTION_TYPE: ["the tag does not match the value", "remove the tag"],
  BAD_DIRECTIVE: ["invalid directive", "remove the line"],
  BAD_DQ_ESCAPE: ["a backslash begins an escape that does not exist", "use \\\\ or single quotes"],
  BAD_INDENT: ["the indentation does not match the lines above", "align it with the lines above, with spaces"],
  BAD_SCALAR_START: ["a value cannot start with this character", "put the value in quotes"],
  BLOCK_AS_IMPLICIT_KEY: ["a nested map starts inside a value", "put the value in quotes if it contains a colon"],
  BLOCK_IN_FLOW: ["an indented list or map is inside brackets", "close the bracket first"],
  KEY_OVER_1024_CHARS: ["a key is longer than 1024 characters", "shorten it"],
  MISSING_CHAR: ["a character is missing here", "close the quote, bracket or brace, or add the comma or colon"],
  MULTILINE_IMPLICIT_KEY: ["a key spans several lines", "end the line above, or indent this one"],
  MULTIPLE_ANCHORS: ["a value has two anchors", "keep one"],
  MULTIPLE_TAGS: ["a value has two tags", "remove them"],
  UNEXPECTED_TOKEN: ["unexpected text", "check the quotes, brackets and indentation above"],
};

function reportError(error: YAMLError, place: Place, text: string, findings: Findings): void {
  const star = unquotedStarBefore(place, text);
  if (error.code === "BAD_ALIAS" || star !== undefined) {
    const remedy = "put the text in quotes";
    findings.add("yaml-unquoted-star", star ?? place, "an unquoted * begins an alias in YAML", remedy);
  } else if (/^Flow (map|sequence) in block/.test(error.message)) {
    findings.add("yaml-syntax", place, "a bracket or brace above is still open", "close it, or indent this line");
  } else if (error.code === "UNEXPECTED_TOKEN" && /^[ \t]*\[Interface\]/im.test(text)) {
    findings.add("yaml-syntax", place, "this is a wg-quick file, not YAML", "convert it with awg import");
  } else if (error.code === "TAB_AS_INDENT" || text[place.start] === "\t") {
    findings.add("yaml-tab", place, "tabs cannot be used as indentation", "use spaces");
  } else {
    const [message, remedy] = SYNTAX_MESSAGES[error.code] ?? ["the text is not YAML", "check this line"];
    findings.add("yaml-syntax", place, message, remedy);
  }
}

/** A star that swallows the colon or comma after it, as in `*.corp: x`, is noticed only later. */
function unquotedStarBefore(place: Place, text: string): Place | undefined {
  const line = text.slice(text.lastIndexOf("\n", place.start - 1) + 1, place.start);
  const star = /(?:^|[\s,[{])(\*\S*)\s*$/.exec(line.slice(-200))?.[1];
  if (star === undefined) return undefined;
  const start = text.lastIndexOf("*", place.start - 1);
  return { ...place, start, end: start + star.length };
}
