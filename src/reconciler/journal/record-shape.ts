import { type Guard, isCount, isListOf, isObject, isOneOf, isRecordOf, isTagged, isText } from "../plan/shape.ts";
import { isBatch, isDesiredState, isLedger } from "../plan/spec-shape.ts";
import type { Generation } from "./generation.ts";
import type { JournalRecord } from "./journal-record.ts";

const hasGenerationShape = isObject({
  number: isCount,
  configHash: isText,
  acceptedMs: isCount,
  desired: isDesiredState,
  pathNumbers: isRecordOf(isCount),
  secretIds: isListOf(isText),
});

const indexed: Guard = isObject({ type: isText, index: isCount });
const withCause: Guard = isObject({ type: isText, cause: isText });

const hasRecordShape = isTagged("type", {
  begin: isObject({
    type: isText,
    verb: isOneOf("apply", "destroy"),
    configHash: isText,
    generation: isCount,
    startedMs: isCount,
  }),
  batch: isObject({ type: isText, index: isCount, batch: isBatch }),
  done: indexed,
  undone: indexed,
  rollback: withCause,
  blocked: withCause,
  unconfirmed: isObject(
    { type: isText, deadlineMs: isCount, generation: hasGenerationShape, ledger: isLedger },
    { connection: isText, standsMs: isCount },
  ),
  accept: isObject({ type: isText, generation: hasGenerationShape, ledger: isLedger }),
});

/** Whether a value read from a file is a journal record of this version. */
export function isJournalRecord(value: unknown): value is JournalRecord {
  return hasRecordShape(value);
}

/** Whether a value read from a file is an accepted generation. */
export function isGeneration(value: unknown): value is Generation {
  return hasGenerationShape(value);
}
