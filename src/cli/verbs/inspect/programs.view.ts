import type {
  ProgramLine,
  ProgramsReport,
  ProgramWatchEvent,
  ReportedRule,
} from "../../../app/programs/program-report.ts";
import { counted } from "../../../model/text/counted.ts";
import { printableLine } from "../../../model/text/printable.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import type { Style } from "../../views/style.ts";

/** Characters of a program's path, if the terminal has room for them. */
const MOST_COLUMN = 48;
const LEAST_COLUMN = 13;
/** Characters of a user's name, and of a rule, on a narrow terminal. */
const NARROW = 8;
const HEADER = ["PID", "USER", "SOCKETS", "PROGRAM", "VIA", "KEPT", "CLASS", "RULE"];
const CLASS_COLUMN = HEADER.indexOf("CLASS");
const PROGRAM_COLUMN = HEADER.indexOf("PROGRAM");
const USER_COLUMN = HEADER.indexOf("USER");
const VIA_COLUMN = HEADER.indexOf("VIA");
const GAP = "  ";
const KEPT_STYLE = { enforced: "green", "best-effort": "yellow", advisory: "yellow", unsupported: "red" } as const;

/** Programs as people read them: one line each, below it the rules that may come first. */
export function renderPrograms(
  report: ProgramsReport,
  style: Style,
  columns: number = Number.POSITIVE_INFINITY,
): string {
  const hasClasses = report.programs.some(({ class: number }) => number !== undefined);
  const shown = (cells: readonly string[]) => (hasClasses ? cells : cells.toSpliced(CLASS_COLUMN, 1));
  const [header = [], ...rows] = fitted([HEADER, ...report.programs.map(cellsOf)].map(shown), columns);
  const widths = header.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => cells.map((cell, at) => padded(cell, widths[at] ?? 0, at)).join(GAP);
  const common = commonToAll(report.programs);
  const lines = report.programs.flatMap((program, index) => [
    colored(line(rows[index] ?? []).trimEnd(), program, style),
    ...perhapsTexts(program).flatMap((text) => (common.has(text) ? [] : [style.dim(`       before it: ${text}`)])),
  ]);
  return [
    style.bold(sourceText(report)),
    ...(lines.length === 0 ? ["No such program runs."] : [style.dim(line(header).trimEnd()), ...lines]),
    ...notEnforced(report.programs).map((reason) => style.yellow(`not enforced: ${printableLine(reason)}`)),
    ...[...common].map((text) => style.dim(`before the rule of each: ${text}`)),
    ...report.unseen.map((what) => style.yellow(`not seen: ${printableLine(what)}`)),
  ].join("\n");
}

/** Rules that may precede a program's own; those that could not be decided are one text. */
function perhapsTexts({ perhaps }: ProgramLine): readonly string[] {
  const depends = perhaps.filter(({ why }) => why === "depends");
  const unknown = perhaps.filter(({ why }) => why === "unknown").map(({ rule }) => rule.origin);
  const numbers = unknown.map((origin) => /^rules\/(\d+)/.exec(origin)?.[1] ?? printableLine(origin));
  const rules = `${numbers.length === 1 ? "rule" : "rules"} ${numbers.join(", ")} (could not be read)`;
  return [
    ...depends.map(({ rule }) => `${ruleText(rule)}, for some of its traffic`),
    ...(numbers.length === 0 ? [] : [rules]),
  ];
}

/** Rules that may precede those of every program; they are shown once. */
function commonToAll(programs: readonly ProgramLine[]): ReadonlySet<string> {
  const [first, ...others] = programs.map((line) => new Set(perhapsTexts(line)));
  if (first === undefined || others.length === 0) return new Set();
  return new Set([...first].filter((text) => others.every((texts) => texts.has(text))));
}

/** Why the shown rules are not enforced here, each reason once. */
function notEnforced(programs: readonly ProgramLine[]): readonly string[] {
  const rules = programs.flatMap(({ rule, perhaps }) => [...perhaps.map((one) => one.rule), ...(rule ? [rule] : [])]);
  const isNot = ({ enforcement }: ReportedRule) => enforcement === "unsupported";
  return [...new Set(rules.filter(isNot).flatMap(({ reason }) => reason ?? []))];
}

function sourceText({ rulesOf, generation, programs }: ProgramsReport): string {
  const count = counted(programs.length, "program");
  if (rulesOf === "config") return `${count}, with the rules of the config`;
  if (rulesOf === "accepted") return `${count}, with the rules of generation ${generation}`;
  return `${count}; no rules are known here`;
}

function cellsOf({ program, user, sockets, class: number, rule }: ProgramLine): readonly string[] {
  const { pid, uid } = program;
  return [
    String(pid),
    printableLine(user ?? (uid === undefined ? "?" : String(uid))),
    sockets === undefined ? "?" : String(sockets),
    fileText(program),
    rule === undefined ? "-" : viaText(rule),
    rule?.enforcement ?? "-",
    number === undefined ? "?" : String(number),
    rule === undefined ? "-" : printableLine(rule.origin),
  ];
}

function fileText({ path, name, isReplaced }: ProgramLine["program"]): string {
  const text = path === undefined ? `${name} (its file is hidden)` : path === null ? `[${name}]` : path;
  return printableLine(isReplaced === true ? `${text} (replaced)` : text);
}

type Rows = readonly (readonly string[])[];

/** Rows with paths shortened so that each fits the columns; where that is too little, all texts. */
function fitted(rows: Rows, columns: number): Rows {
  const narrow = columns - widthBeside(rows, PROGRAM_COLUMN) < LEAST_COLUMN;
  const users = narrow ? withColumn(rows, USER_COLUMN, (cell) => cut(cell, NARROW)) : rows;
  const brief = narrow ? withColumn(users, VIA_COLUMN, (cell) => cell.replace(/, else .*$/, ", …")) : rows;
  const most = Math.min(MOST_COLUMN, Math.max(LEAST_COLUMN, columns - widthBeside(brief, PROGRAM_COLUMN)));
  const paths = withColumn(brief, PROGRAM_COLUMN, (cell) => shortened(cell, most));
  const last = (rows[0]?.length ?? 0) - 1;
  return withColumn(paths, last, (cell) => cut(cell, Math.max(NARROW, columns - widthBeside(paths, last))));
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** The width of all columns but one, with the gaps. */
function widthBeside(rows: Rows, column: number): number {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  return widths.reduce((sum, width, at) => sum + (at === column ? 0 : width + GAP.length), 0);
}

function withColumn(rows: Rows, column: number, change: (cell: string) => string): Rows {
  return rows.map((row) => row.map((cell, at) => (at === column ? change(cell) : cell)));
}

/** The end of a path is more specific than its beginning. */
function shortened(text: string, most: number): string {
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`;
}

/** Numbers are aligned to the right. */
function padded(cell: string, width: number, at: number): string {
  return at === 0 || at === 2 ? cell.padStart(width) : cell.padEnd(width);
}

function colored(line: string, { rule }: ProgramLine, style: Style): string {
  return rule === undefined || rule.enforcement === "enforced" ? line : style[KEPT_STYLE[rule.enforcement]](line);
}

function viaText({ via, fallback }: ReportedRule): string {
  return fallback === undefined || fallback === "block" ? via : `${via}, else ${fallback}`;
}

function ruleText(rule: ReportedRule): string {
  return printableLine(`${rule.origin} via ${viaText(rule)} (${rule.enforcement})`);
}

/** One program with its rules, in one line. */
export function programText(line: ProgramLine): string {
  const { program, rule } = line;
  const said = [...perhapsTexts(line), ...(rule === undefined ? [] : [ruleText(rule)])];
  return `${program.pid === 0 ? "-" : program.pid}  ${fileText(program)}  ${said.join("; else ")}`.trimEnd();
}

/** One event of `awg ps --watch` as people read it. */
export function renderWatched(event: ProgramWatchEvent, style: Style): string {
  if ("missed" in event) return style.yellow("the kernel dropped events; awg ps lists what runs now");
  if ("ended" in event) return style.dim(`- ${event.ended}`);
  return `${style.green("+")} ${programText(event)}`;
}

/** Programs as one JSON document. */
export function programsDocument({ rulesOf, generation, programs, unseen }: ProgramsReport): DocumentOf<"ps"> {
  return {
    formatVersion: "1",
    rulesOf: rulesOf,
    generation: generation ?? null,
    programs: programs.map(lineDocument),
    unseen,
  };
}

/** One event of `awg ps --watch` as one JSON document. */
export function watchedDocument(event: ProgramWatchEvent): DocumentOf<"ps-watch"> {
  if ("missed" in event) return { formatVersion: "1", event: "missed" };
  if ("ended" in event) return { formatVersion: "1", event: "ended", pid: event.ended };
  return { formatVersion: "1", event: "started", ...lineDocument(event) };
}

/** One program of a JSON document. */
export function lineDocument({
  program,
  user,
  sockets,
  class: number,
  rule,
  perhaps,
}: ProgramLine): DocumentOf<"ps">["programs"][number] {
  const { pid, parentPid, uid, name, path, isReplaced, startedMs, cgroup, bundleIds, signer } = program;
  return {
    pid,
    parentPid: parentPid,
    uid: uid ?? null,
    user: user ?? null,
    name,
    path: path ?? null,
    kernelThread: path === null,
    replaced: isReplaced === true,
    started: startedMs === undefined ? null : new Date(startedMs).toISOString(),
    cgroup: cgroup ?? null,
    bundleIds: bundleIds ?? null,
    signer: signer ?? null,
    sockets: sockets ?? null,
    class: number ?? null,
    rule: rule === undefined ? null : ruleDocument(rule),
    perhaps: perhaps.map((one) => ({ ...ruleDocument(one.rule), why: one.why })),
  };
}

function ruleDocument({
  origin,
  via,
  fallback,
  enforcement,
  reason,
}: ReportedRule): NonNullable<DocumentOf<"ps">["programs"][number]["rule"]> {
  return { origin, via, fallback: fallback ?? null, enforcement, reason: reason ?? null };
}
