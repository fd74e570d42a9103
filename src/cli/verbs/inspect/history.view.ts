import type { AcceptedEntry, HistoryEntry } from "../../../app/history/history.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import type { Style } from "../../views/style.ts";

const SHORT_HASH = 12;
const MOST_KEYS = 6;

/** Generations as people read them, the latest first. */
export function renderHistory(entries: readonly HistoryEntry[], style: Style): string {
  if (entries.length === 0) return "No generation is kept on this host.";
  return entries
    .toReversed()
    .map((entry) => renderEntry(entry, style))
    .join("\n");
}

function renderEntry(entry: HistoryEntry, style: Style): string {
  const mark = entry.holds ? style.green("*") : " ";
  const head = `${mark} ${String(entry.number).padStart(4)}`;
  if ("error" in entry) return `${head}  ${style.red(`cannot be read: ${entry.error.message}`)}`;
  const { acceptedMs, configHash, changes, isBeforeUnreadable } = entry;
  const hash = style.dim((configHash.slice(0, SHORT_HASH) || "-").padEnd(SHORT_HASH));
  const unknown = isBeforeUnreadable ? "the one before cannot be read" : "the one before is no longer kept";
  const what = changes === undefined ? unknown : changesText(changes);
  return `${head}  ${new Date(acceptedMs).toISOString()}  ${hash}  ${what}`;
}

function changesText({ added, changed, removed }: NonNullable<AcceptedEntry["changes"]>): string {
  const parts = [
    ...added.map((key) => `+ ${key}`),
    ...changed.map((key) => `~ ${key}`),
    ...removed.map((key) => `- ${key}`),
  ];
  if (parts.length === 0) return "no resource changed";
  const more = parts.length > MOST_KEYS ? [`and ${parts.length - MOST_KEYS} more`] : [];
  return [...parts.slice(0, MOST_KEYS), ...more].join(", ");
}

/** Generations as one JSON document, ascending. */
export function historyDocument(entries: readonly HistoryEntry[]): DocumentOf<"history"> {
  return {
    format_version: "1",
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
