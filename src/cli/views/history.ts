import type { HistoryEntry } from "../../compose/generations/history.ts";
import type { Style } from "./style.ts";

const SHORT_HASH = 12;
const MOST_KEYS = 6;

/** Generations as people read them, the latest first. */
export function renderHistory(entries: readonly HistoryEntry[], style: Style): string {
  if (entries.length === 0) return "Nothing was applied on this machine.";
  return entries
    .toReversed()
    .map((entry) => renderEntry(entry, style))
    .join("\n");
}

function renderEntry({ number, acceptedMs, configHash, holds, changes }: HistoryEntry, style: Style): string {
  const mark = holds ? style.green("*") : " ";
  const hash = style.dim((configHash.slice(0, SHORT_HASH) || "-").padEnd(SHORT_HASH));
  const what = changes === undefined ? "the one before is no longer kept" : changesText(changes);
  return `${mark} ${String(number).padStart(4)}  ${new Date(acceptedMs).toISOString()}  ${hash}  ${what}`;
}

function changesText({ added, changed, removed }: NonNullable<HistoryEntry["changes"]>): string {
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
export function historyDocument(entries: readonly HistoryEntry[]): object {
  return {
    format_version: "1",
    generations: entries.map(({ number, acceptedMs, configHash, holds, changes }) => ({
      number,
      accepted: new Date(acceptedMs).toISOString(),
      config_hash: configHash,
      holds,
      changes: changes ?? null,
    })),
  };
}
