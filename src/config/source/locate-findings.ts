import { counted } from "../../model/text/counted.ts";
import type { ConfigSource } from "../config-hash.ts";
import { maskKeys } from "../field/fault.ts";
import type { Problem } from "../problem.ts";
import { WARNING_IDS } from "../problem-catalogue.ts";
import type { Finding, Findings } from "./finding.ts";
import { MAX_FILE_BYTES, MAX_PROBLEMS } from "./limits.ts";
import { indexLines, type LineIndex, lineBounds, positionAt } from "./line-index.ts";
import { maskLine, maskValues, publicKeysOf, secretPlaces } from "./mask-secrets.ts";
import type { MapNode, Place } from "./source-node.ts";

/** Longest line that is shown whole; of longer ones this much is shown. */
const MAX_EXCERPT = 200;

/** How much of a long line is shown before the meant place. */
const EXCERPT_LEAD = 40;

/** Turns findings into problems with file, line, column and a masked excerpt, in the order of files and lines. */
export function locateFindings(
  found: Findings,
  sources: readonly ConfigSource[],
  roots: readonly MapNode[] | undefined,
): Problem[] {
  const findings = found.all;
  const indexes = lazyIndexes(sources);
  const secrets =
    roots === undefined || findings.length === 0 ? [] : [...secretPlaces(roots, findings), ...found.hidden];
  const publicKeys = findings.length === 0 ? new Set<string>() : publicKeysOf(roots ?? []);
  const sorted = [...findings].sort(
    (a, b) => a.place.source - b.place.source || a.place.start - b.place.start || a.id.localeCompare(b.id),
  );
  const kept = sorted.length <= MAX_PROBLEMS ? sorted : mostImportant(sorted);
  return kept.map((finding) => {
    const index = indexes(finding.place.source);
    const name = sources[finding.place.source]?.name ?? "";
    const { message, remedy, excerpt, ...rest } = locate(
      finding,
      name,
      index,
      roots === undefined ? undefined : secrets,
    );
    const masked = (text: string) => maskKeys(text, publicKeys);
    return {
      ...rest,
      message: masked(message),
      remedy: masked(remedy),
      ...(excerpt === undefined ? {} : { excerpt: masked(excerpt) }),
    };
  });
}

/** Returns `file:line:column` of places, for messages that name a second one. */
export function placeDescriber(sources: readonly ConfigSource[]): (place: Place) => string {
  const indexes = lazyIndexes(sources);
  return (place) => {
    const { line, column } = positionAt(indexes(place.source), place.start);
    return `${sources[place.source]?.name ?? ""}:${line}:${column}`;
  };
}

function lazyIndexes(sources: readonly ConfigSource[]): (source: number) => LineIndex {
  const built = new Map<number, LineIndex>();
  return (source) => {
    const known =
      built.get(source) ?? indexLines((sources[source]?.text ?? "").slice(0, MAX_FILE_BYTES).replace(/^\uFEFF/, ""));
    built.set(source, known);
    return known;
  };
}

/** Errors before warnings, and one that counts those left out. */
function mostImportant(findings: readonly Finding[]): Finding[] {
  const errors = findings.filter(({ id }) => !WARNING_IDS.has(id));
  const warnings = findings.filter(({ id }) => WARNING_IDS.has(id));
  const kept = [...errors, ...warnings].slice(0, MAX_PROBLEMS);
  const place = kept.at(-1)?.place ?? { source: 0, start: 0, end: 0 };
  const message = `${counted(findings.length - kept.length, "more problem is", "more problems are")} not shown`;
  return [...kept, { id: "too-many-problems", place, message, remedy: "correct these first" }];
}

function locate(finding: Finding, file: string, index: LineIndex, secrets: readonly Place[] | undefined): Problem {
  const { id, place, message, remedy } = finding;
  const { line, column } = positionAt(index, place.start);
  const { start, end } = lineBounds(index, line);
  const text = index.text.slice(start, end);
  const from = excerptStart(text, column);
  const shown = text.slice(from, from + MAX_EXCERPT);
  const masked =
    secrets === undefined ? maskValues(text, from, shown) : maskLine(shown, start + from, place.source, secrets);
  const last = Math.min(place.end, end);
  return {
    id,
    severity: WARNING_IDS.has(id) ? "warning" : "error",
    file,
    line,
    column,
    ...(last > place.start ? { endColumn: last - start + 1 } : {}),
    message,
    remedy,
    ...(text.trim() === ""
      ? {}
      : { excerpt: masked, ...(text.length > MAX_EXCERPT ? { excerptColumn: from + 1 } : {}) }),
  };
}

/** Start of the visible part of a line. Only that is masked, so many problems in a line of a MiB cost no more. */
function excerptStart({ length }: string, column: number): number {
  return length <= MAX_EXCERPT ? 0 : Math.max(0, Math.min(column - 1 - EXCERPT_LEAD, length - MAX_EXCERPT));
}
