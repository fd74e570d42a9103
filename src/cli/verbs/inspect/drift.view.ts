import { unrecordedText } from "../../../app/status/compare-host.ts";
import type { Drift, DriftCause, DriftReport } from "../../../app/status/drift.ts";
import { openChangeOf } from "../../../app/status/open-change.ts";
import { counted } from "../../../model/text/counted.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { changeLines } from "../../views/resource/field-change.ts";
import { visibleChanges } from "../../views/resource/policy-values.ts";
import type { Style } from "../../views/style.ts";
import { unrecordedRemedy } from "../../views/unrecorded.ts";

const CAUSE_TEXTS: Readonly<Record<DriftCause, string>> = {
  reboot: "the host was rebooted",
  "link-gone": "its device is gone",
  "keeper-gone": "the keeper that held it is gone",
  "engine-gone": "its engine does not run",
  "engine-silent": "its engine does not respond",
  "peer-roamed": "the peer sends from another address (roaming)",
  "file-rewritten": "another program wrote the file",
  "open-change": "a change of awg's that has not ended",
  unknown: "cause unknown",
};

const CHANGE_TEXTS: Readonly<Record<Drift["change"], string>> = {
  gone: "is gone",
  changed: "was changed",
  extra: "has awg's mark and belongs to no accepted state",
};

/** The drift as people read it: each resource with its cause, below it each field from the accepted value to the one found. */
export function renderDrift({ generation, isEmpty, drifts, unrecorded }: DriftReport, style: Style): string {
  if (isEmpty && drifts.length === 0) return "Nothing is applied on this host, so there is no drift.";
  if (unrecorded !== undefined) {
    const keys = unrecorded.keys.map((key) => `  ${style.yellow("≠")} ${style.bold(key)}`);
    return [`${unrecordedText(unrecorded)}:`, ...keys, "", ...unrecordedRemedy()].join("\n");
  }
  const them = drifts.length === 1 ? "it" : "them";
  if (drifts.length === 0) return `No drift. The host is as generation ${generation} left it.`;
  return [
    ...drifts.flatMap((drift) => renderOne(drift, style)),
    "",
    `Drift: ${counted(drifts.length, "resource")} of generation ${generation}. awg apply restores ${them}; awg plan shows how.`,
  ].join("\n");
}

function renderOne({ key, change, fields, cause }: Drift, style: Style): readonly string[] {
  const head = `  ${style.yellow("≠")} ${style.bold(key)} ${CHANGE_TEXTS[change]}${style.dim(`  # ${CAUSE_TEXTS[cause]}`)}`;
  const lines = visibleChanges(fields).flatMap((field) => changeLines(field, style, "found"));
  return [head, ...lines.map((line) => `      ${line}`)];
}

/** The drift as one JSON document. */
export function driftDocument({
  generation,
  drifts,
  unrecorded,
  notes,
  openJournal,
  openChange,
}: DriftReport): DocumentOf<"drift"> {
  return {
    formatVersion: "1",
    generation,
    drifted: drifts.length > 0,
    drift: drifts.map(({ key, kind, change, cause, fields }) => ({ key, kind, change, cause, fields })),
    recorded: unrecorded === undefined,
    notes,
    openJournal: openJournal ?? null,
    openChange: openChange === undefined ? null : openChangeOf(openChange),
  };
}
