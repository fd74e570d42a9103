import { type ImportFinding, importError, showWord } from "../import-finding.ts";
import { peerNameIn } from "./peer-name.ts";

/** One `Key = value` of a conf, with its place. */
export interface ConfEntry {
  readonly key: string;
  readonly value: string;
  readonly place: string;
  /** The source's name for it, if that is not a conf. */
  readonly spelled?: string;
}

/** An [Interface] or a [Peer]. */
export interface ConfSection {
  readonly kind: "interface" | "peer";
  readonly place: string;
  readonly entries: readonly ConfEntry[];
  /** The name that a comment gives a peer. */
  readonly name?: string;
}

export interface ConfText {
  readonly sections: readonly ConfSection[];
  readonly findings: readonly ImportFinding[];
}

/** The longest line that is read: an I packet has at most 16,384 characters, a list of prefixes may be longer. */
const MAX_LINE = 262_144;
/** One mistake at the top causes many errors below it. */
const MAX_ERRORS = 20;

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/**
 * Reads the text of a wg-quick or awg-quick conf into its sections, as wg(8) and wg-quick(8) do: `#` begins a comment
 * anywhere, keys are case-insensitive, a section may be repeated.
 * @param source name of the text in places
 */
export function parseConf(text: string, source: string): ConfText {
  const findings: ImportFinding[] = [];
  const sections: SectionDraft[] = [];
  let nameAbove: string | undefined;
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (const [index, raw] of lines.entries()) {
    const place = `${source}:${index + 1}`;
    const line = readLine(raw, place, findings);
    if (findings.length >= MAX_ERRORS) break;
    const name = peerNameIn(commentOf(raw));
    const section = sections.at(-1);
    if (line.startsWith("[")) {
      sections.push(readSection(line, place, name ?? nameAbove, findings));
      nameAbove = undefined;
    } else if (line !== "") {
      const entry = readEntry(line, place, findings);
      if (entry === undefined) continue;
      if (section === undefined) findings.push(importError(place, "a key precedes all sections", BEGIN));
      else section.entries.push(entry);
    } else if (raw.trim() === "") nameAbove = undefined;
    // Below [Peer] a comment names that peer until its first key, above [Peer] the next one.
    else if (name !== undefined && awaitsName(section)) section.name = name;
    else nameAbove = name ?? nameAbove;
  }
  if (findings.length === 0 && !sections.some(({ kind }) => kind === "interface")) {
    findings.push(importError(source, "it has no [Interface]", "use a wg-quick or awg-quick conf"));
  }
  return { sections, findings };
}

interface SectionDraft extends ConfSection {
  readonly entries: ConfEntry[];
  name?: string;
}

const BEGIN = "start with [Interface]";

/** One that is unknown is read on as a peer, for the findings in it. */
function readSection(
  line: string,
  place: string,
  peerName: string | undefined,
  findings: ImportFinding[],
): SectionDraft {
  const kind = sectionKind(line);
  if (kind === undefined) findings.push(unknownSection(line, place));
  const named = kind === "peer" && peerName !== undefined ? { name: peerName } : {};
  return { kind: kind ?? "peer", place, entries: [], ...named };
}

function awaitsName(section: SectionDraft | undefined): section is SectionDraft {
  return section?.kind === "peer" && section.entries.length === 0 && section.name === undefined;
}

/** The comment of a line; empty without one, and in a line that is too long. */
function commentOf(raw: string): string {
  const at = raw.length > MAX_LINE ? -1 : raw.indexOf("#");
  const comment = at < 0 ? "" : raw.slice(at).replaceAll("\t", " ");
  return CONTROL.test(comment) ? "" : comment;
}

function readLine(raw: string, place: string, findings: ImportFinding[]): string {
  if (raw.length > MAX_LINE) {
    findings.push(importError(place, `the line has ${raw.length} characters`, `use at most ${MAX_LINE}`));
    return "";
  }
  const comment = raw.indexOf("#");
  const line = (comment < 0 ? raw : raw.slice(0, comment)).replaceAll("\t", " ");
  if (!CONTROL.test(line)) return line.trim();
  findings.push(importError(place, "the line contains control characters", "remove them"));
  return "";
}

function sectionKind(line: string): ConfSection["kind"] | undefined {
  const name = line.replaceAll(" ", "").toLowerCase();
  return name === "[interface]" ? "interface" : name === "[peer]" ? "peer" : undefined;
}

function unknownSection(line: string, place: string): ImportFinding {
  const name = showWord(line.replaceAll(/[[\]]/g, ""));
  return importError(place, `unknown section ${name ?? ""}`.trimEnd(), "use [Interface] or [Peer]");
}

function readEntry(line: string, place: string, findings: ImportFinding[]): ConfEntry | undefined {
  const equals = line.indexOf("=");
  if (equals > 0) return { key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim(), place };
  findings.push(importError(place, "the line is not Key = value", "write one key per line"));
  return undefined;
}
