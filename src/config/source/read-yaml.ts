import { Composer, type Document, Lexer, Parser } from "yaml";
import { convertDocument } from "./convert-document.ts";
import type { Findings } from "./finding.ts";
import { MAX_DEPTH, MAX_FILE_BYTES, MAX_SEPARATORS, MAX_TOKENS } from "./limits.ts";
import type { MapNode } from "./source-node.ts";
import { reportDirective, reportSyntaxErrors } from "./syntax-errors.ts";

/**
 * Reads one source text (YAML 1.2 core schema, so JSON too) into a tree of values with places. Size, depth and amount
 * are checked before anything is built. `undefined` when there is no map to continue with; the findings say why.
 */
export function readYaml(source: number, text: string, findings: Findings): MapNode | undefined {
  const whole = { source, start: 0, end: 0 };
  if (text.length > MAX_FILE_BYTES || utf8Length(text) > MAX_FILE_BYTES) {
    findings.add(
      "file-too-large",
      whole,
      "the file is larger than 1 MiB",
      "split it, or move lists into files of their own",
    );
    return undefined;
  }
  if (countSeparators(text) > MAX_SEPARATORS) {
    findings.add("yaml-too-many-values", whole, "the file has too many values", "split it into several files");
    return undefined;
  }
  if (!isText(source, text, findings)) return undefined;
  const documents = composeDocuments(source, text, findings);
  const [document, second] = documents ?? [];
  if (documents === undefined) return undefined;
  if (document === undefined || document.contents === null) {
    findings.add("file-empty", whole, "the file is empty", "add apiVersion: awg/v1");
    return undefined;
  }
  if (second !== undefined) {
    const start = second.contents?.range?.[0] ?? second.range[0];
    const message = "a second document begins here";
    findings.add(
      "yaml-multiple-documents",
      { source, start, end: start + 1 },
      message,
      "move it into a file of its own",
    );
    return undefined;
  }
  return convertDocument(source, text, document, findings);
}

const UTF8 = new TextEncoder();

function utf8Length(text: string): number {
  return text.length * 3 <= MAX_FILE_BYTES ? text.length : UTF8.encode(text).length;
}

function countSeparators(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === LINE_FEED || code === COMMA || code === OPEN_BRACKET || code === OPEN_BRACE) count += 1;
  }
  return count;
}

const LINE_FEED = 10;
const COMMA = 44;
const OPEN_BRACKET = 91;
const OPEN_BRACE = 123;

/** A byte that is not UTF-8 as a code unit (PEP 383): 0xDC00 plus the byte. */
const MARKED_BYTES = { from: 0xdc80, to: 0xdcff } as const;

/** YAML 1.2.2 section 5.1: tab and line breaks are the only control characters in a text. */
function isText(source: number, text: string, findings: Findings): boolean {
  const at = text.search(/(?![\t\n\r])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u);
  if (at < 0) return true;
  const code = text.charCodeAt(at);
  const shown = code.toString(16).toUpperCase().padStart(4, "0");
  const isByte = code >= MARKED_BYTES.from && code <= MARKED_BYTES.to;
  const message = isByte ? `the byte 0x${shown.slice(-2)} is not UTF-8` : `the character U+${shown} is not allowed`;
  findings.add("file-not-text", { source, start: at, end: at + 1 }, message, "save the file as UTF-8 text");
  return false;
}

/** Lexes, parses and composes in step, so that a hostile text is abandoned at the limit. */
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
      findings.add("yaml-too-deep", place, `values are nested more than ${MAX_DEPTH} deep`, "reduce the nesting");
      return undefined;
    }
    if (tokens > MAX_TOKENS) {
      findings.add("yaml-too-many-values", place, "the file has too many values", "split it into several files");
      return undefined;
    }
  }
  compose(parser.end());
  for (const document of composer.end(true, text.length)) documents.push(document as Document.Parsed);
  return reportSyntaxErrors(source, text, documents, findings) ? undefined : documents;
}
