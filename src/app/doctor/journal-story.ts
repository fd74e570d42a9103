import { readFileSync } from "node:fs";
import { counted } from "../../model/text/counted.ts";
import { isJournalRecord } from "../../reconciler/journal/record-shape.ts";
import { decodeLines } from "../../state/line.codec.ts";

/**
 * What the readable start of a damaged journal says: the change and what it had begun. Sentences for
 * people; no decision depends on them. Empty if nothing can be read.
 */
export function journalStory(path: string): readonly string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    return [];
  }
  const records = decodeLines(bytes).values.filter(isJournalRecord);
  const lines = records.flatMap((record) => {
    if (record.type === "begin") {
      const { verb, generation, startedMs } = record;
      return [`${verb} of generation ${generation}, begun ${timeText(startedMs)}`];
    }
    return record.type === "batch" ? [`it had begun ${record.batch.steps.map(({ key }) => key).join(", ")}`] : [];
  });
  return [`${counted(bytes.length, "byte")}, of which ${counted(records.length, "record")} can be read`, ...lines];
}

/** The latest time that a Date can hold is 8.64e15 ms (ECMA-262 section 21.4.1.1). */
function timeText(ms: number): string {
  return ms <= 8.64e15 ? new Date(ms).toISOString() : `at ${ms} ms`;
}
