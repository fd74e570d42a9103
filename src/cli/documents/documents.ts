import { z } from "zod";
import {
  appliedDocument,
  auditDocument,
  confirmedDocument,
  conflictsDocument,
  installedDocument,
  revertedDocument,
  serviceDocument,
} from "./change.ts";
import {
  capabilitiesDocument,
  doctorDocument,
  errorDocument,
  importDocument,
  renderDocument,
  validateDocument,
  versionDocument,
} from "./files.ts";
import { diffDocument, generationsDiffDocument, planDocument } from "./plan.ts";
import { programEvent, programsDocument } from "./programs.ts";
import { driftDocument, getDocument, historyDocument, statusDocument } from "./status.ts";
import { daemonEvent, streamEvent } from "./stream.ts";
import { topDocument } from "./top.ts";
import { explainDocument, verifyDocument } from "./verify.ts";

/** Every JSON document that a verb prints, by the name of its schema: schema/json/NAME.schema.json. */
export const DOCUMENTS = {
  validate: validateDocument,
  plan: planDocument,
  diff: diffDocument,
  "diff-generations": generationsDiffDocument,
  apply: appliedDocument,
  "json-stream": streamEvent,
  confirm: confirmedDocument,
  revert: revertedDocument,
  history: historyDocument,
  audit: auditDocument,
  drift: driftDocument,
  verify: verifyDocument,
  explain: explainDocument,
  status: statusDocument,
  ps: programsDocument,
  "ps-watch": programEvent,
  top: topDocument,
  doctor: doctorDocument,
  capabilities: capabilitiesDocument,
  get: getDocument,
  "daemon-event": daemonEvent,
  import: importDocument,
  render: renderDocument,
  version: versionDocument,
  install: installedDocument,
  service: serviceDocument,
  conflicts: conflictsDocument,
  error: errorDocument,
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type DocumentName = keyof typeof DOCUMENTS;

/** A document as a view makes it. */
export type DocumentOf<N extends DocumentName> = z.infer<(typeof DOCUMENTS)[N]>;

type Json = Record<string, unknown>;

/**
 * The JSON Schema (draft 2020-12) of a document. The published one lets later versions add fields; a `strict` one, for
 * tests, refuses every field that is not described.
 */
export function documentJsonSchema(name: DocumentName, strict = false): Json {
  const { $schema, description, ...schema } = z.toJSONSchema(DOCUMENTS[name], {
    io: strict ? "output" : "input",
    override: ({ jsonSchema }) => dropNoise(jsonSchema as Json),
  });
  return { $schema, title: `awg: ${name}`, description, ...schema };
}

/** zod marks lists that TypeScript does not change, for which JSON Schema has another meaning, and bounds of safe integers. */
function dropNoise(json: Json): void {
  delete json["readOnly"];
  if (json["minimum"] === Number.MIN_SAFE_INTEGER) delete json["minimum"];
  if (json["maximum"] === Number.MAX_SAFE_INTEGER) delete json["maximum"];
}

/** The documents that each verb prints with --json or --json-stream; the other verbs print text alone. */
export const DOCUMENTS_OF_VERB: Readonly<Record<string, readonly DocumentName[]>> = {
  import: ["import"],
  validate: ["validate"],
  render: ["render"],
  plan: ["plan"],
  apply: ["apply", "json-stream"],
  confirm: ["confirm"],
  revert: ["revert"],
  rollback: ["apply", "json-stream"],
  down: ["apply", "json-stream"],
  up: ["apply", "json-stream"],
  pause: ["apply", "json-stream"],
  destroy: ["apply", "json-stream"],
  status: ["status"],
  diff: ["diff", "diff-generations"],
  drift: ["drift"],
  history: ["history", "audit"],
  get: ["get"],
  ps: ["ps", "ps-watch"],
  top: ["top"],
  explain: ["explain"],
  verify: ["verify"],
  doctor: ["doctor"],
  capabilities: ["capabilities"],
  install: ["install"],
  uninstall: ["install"],
  service: ["service"],
  conflicts: ["conflicts"],
  daemon: ["daemon-event"],
  events: ["daemon-event"],
  version: ["version"],
};
