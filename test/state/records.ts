import type { Batch } from "../../src/model/plan.ts";
import type { Generation } from "../../src/reconciler/journal/generation.ts";
import type { JournalRecord } from "../../src/reconciler/journal/journal-record.ts";
import type { Ledger } from "../../src/reconciler/plan/ledger.ts";
import { link, state } from "../reconciler/scenarios.ts";

const { kind, key, spec } = link("office");

export const BATCH: Batch = {
  kind: "link",
  phase: "prepare",
  steps: [
    {
      kind,
      key,
      action: "create",
      phase: "prepare",
      before: null,
      after: spec,
      changes: [],
      reason: "will be created",
    } as Batch["steps"][number],
  ],
};

export const GENERATION: Generation = {
  number: 3,
  configHash: "c3",
  acceptedMs: 1_795_000_000_000,
  desired: state(link("office")),
  pathNumbers: { office: 1 },
  secretIds: ["ab".repeat(32) as Generation["secretIds"][number]],
};

export const LEDGER: Ledger = {
  generation: 3,
  entries: GENERATION.desired.resources.map((resource) => ({ ...resource, original: null })),
};

/** One record of every type, in an order that awg writes. */
export const RECORDS: readonly JournalRecord[] = [
  { type: "begin", verb: "apply", configHash: "c3", generation: 3, startedMs: 1_795_000_000_000 },
  { type: "batch", index: 0, batch: BATCH },
  { type: "done", index: 0 },
  {
    type: "unconfirmed",
    deadlineMs: 60_000,
    generation: GENERATION,
    ledger: LEDGER,
    connection: "192.0.2.9 50022 192.0.2.1 22",
  },
  { type: "rollback", cause: "the engine did not start: ünïcode\nand a newline" },
  { type: "undone", index: 0 },
  { type: "blocked", cause: "no way back" },
  { type: "accept", generation: GENERATION, ledger: LEDGER },
];
