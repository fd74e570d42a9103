import { type Document, isCollection, isNode, isPair, isScalar, type Scalar, type YAMLError } from "yaml";
import type { Findings } from "./finding.ts";
import type { Place } from "./source-node.ts";

/** Refuses directives: one would make the text mean what YAML 1.1 makes of it. */
export function reportDirective(source: number, token: { offset: number; source: string }, findings: Findings): void {
  if (/^%YAML\s+1\.2\s*$/.test(token.source)) return;
  const place = { source, start: token.offset, end: token.offset + token.source.length };
  findings.add(
    "yaml-directive",
    place,
    "a YAML directive stands here",
    "remove the line; the file is read as YAML 1.2",
  );
}

/** Reports what kept the text from being YAML, the first few places; whether there was anything. */
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

/** One slip makes many errors behind it. */
const MAX_SYNTAX_ERRORS = 5;

/** A quote that is never closed is noticed at the end of the text; what helps is where it began. */
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

/** The library's messages may quote the text, which may be a secret; so they are told by their code. */
const SYNTAX_MESSAGES: Readonly<Partial<Record<YAMLError["code"], readonly [string, string]>>> = {
  BAD_COLLECTION_TYPE: ["the tag does not fit the value", "remove the tag"],
  BAD_DIRECTIVE: ["the directive cannot be read", "remove the line"],
  BAD_DQ_ESCAPE: ["a backslash begins an escape that does not exist", "write \\\\ or use single quotes"],
  BAD_INDENT: ["the indentation does not fit the lines above", "align it with its neighbours, in spaces"],
  BAD_SCALAR_START: ["a value cannot begin with this character", "put the value in quotes"],
  BLOCK_AS_IMPLICIT_KEY: ["a nested map stands where a value was begun", "put the value in quotes if it holds a colon"],
  BLOCK_IN_FLOW: ["an indented list or map stands inside brackets", "close the bracket first"],
  KEY_OVER_1024_CHARS: ["a key is longer than 1024 characters", "shorten it"],
  MISSING_CHAR: ["a character is missing here", "close the quote, bracket or brace, or add the comma or colon"],
  MULTILINE_IMPLICIT_KEY: ["a key goes over several lines", "end the line above, or indent this one"],
  MULTIPLE_ANCHORS: ["a value has two anchors", "leave one"],
  MULTIPLE_TAGS: ["a value has two tags", "remove them"],
  UNEXPECTED_TOKEN: ["this does not fit here", "check the quotes, brackets and indentation above"],
};

function reportError(error: YAMLError, place: Place, text: string, findings: Findings): void {
  const star = unquotedStarBefore(place, text);
  if (error.code === "BAD_ALIAS" || star !== undefined) {
    const remedy = "put the text in quotes";
    findings.add("yaml-unquoted-star", star ?? place, "an unquoted * begins an alias in YAML", remedy);
  } else if (/^Flow (map|sequence) in block/.test(error.message)) {
    findings.add("yaml-syntax", place, "a bracket or brace above is still open", "close it, or indent this line");
  } else if (error.code === "UNEXPECTED_TOKEN" && /^[ \t]*\[Interface\]/im.test(text)) {
    findings.add("yaml-syntax", place, "this is a file of wg-quick's, no YAML", "make a config of it with awg import");
  } else if (error.code === "TAB_AS_INDENT" || text[place.start] === "\t") {
    findings.add("yaml-tab", place, "a tab is used as indentation", "use spaces");
  } else {
    const [message, remedy] = SYNTAX_MESSAGES[error.code] ?? ["the text is not YAML", "check this line"];
    findings.add("yaml-syntax", place, message, remedy);
  }
}

/** A star that swallows the colon or comma behind it, as in `*.corp: x`, is noticed only after it. */
function unquotedStarBefore(place: Place, text: string): Place | undefined {
  const line = text.slice(text.lastIndexOf("\n", place.start - 1) + 1, place.start);
  const star = /(?:^|[\s,[{])(\*\S*)\s*$/.exec(line.slice(-200))?.[1];
  if (star === undefined) return undefined;
  const start = text.lastIndexOf("*", place.start - 1);
  return { ...place, start, end: start + star.length };
}
