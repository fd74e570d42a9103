import type { AcceptedEntry, HistoryEntry } from "../../../app/history/history.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import type { Style } from "../../views/style.ts";

const SHORT_HASH = 12;
/** Columns of the keys below a generation. */
const KEY_COLUMNS = 72;
const INDENT = " ".repeat(8);

/** Generations as people read them, the latest first: at most two lines each. */
export function renderHistory(entries: readonly HistoryEntry[], style: Style): string {
  if (entries.length === 0) return "No generation is kept on this host.";
  return entries
    .toReversed()
    .flatMap((entry) => renderEntry(entry, style))
    .join("\n");
}

function renderEntry(entry: HistoryEntry, style: Style): readonly string[] {
  const mark = entry.holds ? style.green("*") : " ";
  const head = `${mark} ${String(entry.number).padStart(4)}`;
  if ("error" in entry) return [`${head}  ${style.red(`cannot be read: ${entry.error.message}`)}`];
  const { acceptedMs, configHash, changes, isBeforeUnreadable } = entry;
  const hash = style.dim((configHash.slice(0, SHORT_HASH) || "-").padEnd(SHORT_HASH));
  const time = new Date(acceptedMs).toISOString().replace(/\.\d+Z$/, "Z");
  const unknown = isBeforeUnreadable ? "the one before cannot be read" : "the one before is not kept";
  const counts = changes === undefined ? unknown : countsText(changes);
  const keys = changes === undefined ? "" : keysText(changes);
  return [`${head}  ${time}  ${hash}  ${counts}`, ...(keys === "" ? [] : [style.dim(`${INDENT}${keys}`)])];
}

type Changes = NonNullable<AcceptedEntry["changes"]>;

function countsText({ added, changed, removed }: Changes): string {
  const counts = [
    [added.length, "added"],
    [changed.length, "changed"],
    [removed.length, "removed"],
  ] as const;
  const parts = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return parts.join(", ") || "no resource changed";
}

/** As many keys as a line has room for. */
function keysText({ added, changed, removed }: Changes): string {
  const parts = [
    ...added.map((key) => `+ ${key}`),
    ...changed.map((key) => `~ ${key}`),
    ...removed.map((key) => `- ${key}`),
  ];
  let text = "";
  for (const [index, part] of parts.entries()) {
    const more = ` and ${parts.length - index} more`;
    const longer = text === "" ? part : `${text}, ${part}`;
    if (text !== "" && longer.length > KEY_COLUMNS - more.length) return `${text}${more}`;
    text = longer;
  }
  return text;
}

/** Generations as one JSON document, ascending. */
export function historyDocument(entries: readonly HistoryEntry[]): DocumentOf<"history"> {
  return {
    formatVersion: "1",
    generations: entries.map(entryDocument),
  };
}

function entryDocument(entry: HistoryEntry): DocumentOf<"history">["generations"][number] {
  const { number, holds } = entry;
  if ("error" in entry) {
    const { kind, message, remedy, facts } = entry.error;
    return { number, holds, error: { kind, message, ...(remedy === undefined ? {} : { remedy }), facts } };
  }
  const { acceptedMs, configHash, changes, isBeforeUnreadable } = entry;
  return {
    number,
    accepted: new Date(acceptedMs).toISOString(),
    configHash: configHash,
    holds,
    changes: changes ?? null,
    beforeUnreadable: isBeforeUnreadable,
  };
}
