import { Composer, type Document, Lexer, Parser, type YAMLError } from "yaml";
import { convertDocument } from "./convert-document.ts";
import type { Findings } from "./finding.ts";
import { MAX_DEPTH, MAX_FILE_BYTES, MAX_TOKENS } from "./limits.ts";
import type { MapNode, Place } from "./source-node.ts";

/**
 * Reads one source text (YAML 1.2 core schema, so JSON too) into a tree of placed values. Size, depth and amount are
 * judged before anything is built from the text. `undefined` when there is no map to go on with; the findings say why.
 */
export function readYaml(source: number, text: string, findings: Findings): MapNode | undefined {
  const whole = { source, start: 0, end: 0 };
  if (text.length > MAX_FILE_BYTES || utf8Length(text) > MAX_FILE_BYTES) {
    findings.add(
      "file-too-large",
      whole,
      "the file is larger than 1 MiB",
      "split it, or read lists from files of their own",
    );
    return undefined;
  }
  if (!isText(source, text, findings)) return undefined;
  const documents = composeDocuments(source, text, findings);
  const [document, second] = documents ?? [];
  if (documents === undefined) return undefined;
  if (document === undefined || document.contents === null) {
    findings.add("file-empty", whole, "the file is empty", "begin it with apiVersion: awg/v1");
    return undefined;
  }
  if (second !== undefined) {
    const start = second.contents?.range?.[0] ?? second.range[0];
    const message = "a second document begins here";
    findings.add(
      "yaml-multiple-documents",
      { source, start, end: start + 1 },
      message,
      "put it into a file of its own",
    );
    return undefined;
  }
  return convertDocument(source, document, findings);
}

const UTF8 = new TextEncoder();

function utf8Length(text: string): number {
  return text.length * 3 <= MAX_FILE_BYTES ? text.length : UTF8.encode(text).length;
}

/** YAML 1.2.2 section 5.1: of the control characters only tab and line breaks may stand in a text. */
function isText(source: number, text: string, findings: Findings): boolean {
  const at = text.search(/(?![\t\n\r])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u);
  if (at < 0) return true;
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0");
  const message = `the character U+${code} stands here`;
  findings.add("file-not-text", { source, start: at, end: at + 1 }, message, "save the file as UTF-8 text");
  return false;
}

/** Lexes, parses and composes in step, so that a hostile text is given up at the limit and not after. */
function composeDocuments(source: number, text: string, findings: Findings): Document.Parsed[] | undefined {
  const parser = new Parser();
  const composer = new Composer({ uniqueKeys: false, merge: false, version: "1.2", schema: "core", stringKeys: false });
  const documents: Document.Parsed[] = [];
  let tokens = 0;
  const compose = (parsed: Iterable<Parameters<Composer["next"]>[0]>) => {
    for (const token of parsed) {
      if (token.type === "directive") reportDirective(source, token, findings);
      for (const document of composer.next(token)) documents.push(document as Document.Parsed);
    }
  };
  for (const lexeme of new Lexer().lex(text)) {
    if (!/^[ \t\r\n#]/.test(lexeme)) tokens += 1;
    const place = { source, start: parser.offset, end: parser.offset + 1 };
    compose(parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH + 2) {
      findings.add("yaml-too-deep", place, `values are nested more than ${MAX_DEPTH} deep`, "nest them less");
      return undefined;
    }
    if (tokens > MAX_TOKENS) {
      findings.add("yaml-too-many-values", place, "the file holds too many values", "split it into several files");
      return undefined;
    }
  }
  compose(parser.end());
  for (const document of composer.end(true, text.length)) documents.push(document as Document.Parsed);
  return reportErrors(source, text, documents, findings) ? undefined : documents;
}

function reportDirective(source: number, token: { offset: number; source: string }, findings: Findings): void {
  if (/^%YAML\s+1\.2\s*$/.test(token.source)) return;
  const place = { source, start: token.offset, end: token.offset + token.source.length };
  findings.add(
    "yaml-directive",
    place,
    "a YAML directive stands here",
    "remove the line; the file is read as YAML 1.2",
  );
}

function reportErrors(
  source: number,
  text: string,
  documents: readonly Document.Parsed[],
  findings: Findings,
): boolean {
  const errors = documents.flatMap((document) => document.errors).sort((a, b) => a.pos[0] - b.pos[0]);
  for (const error of errors) reportError(error, { source, start: error.pos[0], end: error.pos[1] }, text, findings);
  return errors.length > 0;
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
  if (error.code === "BAD_ALIAS") {
    const remedy = "put the value in quotes";
    findings.add("yaml-unquoted-star", place, "an unquoted * begins an alias in YAML", remedy);
  } else if (error.code === "TAB_AS_INDENT" || text[place.start] === "\t") {
    findings.add("yaml-tab", place, "a tab is used as indentation", "use spaces");
  } else {
    const [message, remedy] = SYNTAX_MESSAGES[error.code] ?? ["the text is not YAML", "check this line"];
    findings.add("yaml-syntax", place, message, remedy);
  }
}
