import {
  DOCUMENTS,
  DOCUMENTS_OF_VERB,
  type DocumentName,
  documentJsonSchema,
} from "../../src/cli/documents/documents.ts";
import { cell, generatedFrom, page, table } from "./markdown.ts";

const NAMES = Object.keys(DOCUMENTS) as readonly DocumentName[];

/** The JSON Schema of each document, by its file. */
export function documentSchemas(): ReadonlyMap<string, string> {
  return new Map(
    NAMES.map((name) => [
      `schema/json/${name}.schema.json`,
      `${JSON.stringify(documentJsonSchema(name), undefined, 2)}\n`,
    ]),
  );
}

/** The page of all documents, and of the events of --json-stream. */
export function jsonPage(): string {
  const rows = NAMES.map((name) => {
    const verbs = Object.entries(DOCUMENTS_OF_VERB).flatMap(([verb, names]) => (names.includes(name) ? [verb] : []));
    const schema = documentJsonSchema(name);
    return [
      `[${name}](../../schema/json/${name}.schema.json)`,
      name === "error" ? "any" : verbs.join(", "),
      cell(meaningOf(definitionOf(schema, schema), name)),
    ];
  });
  return page(
    generatedFrom("src/cli/documents"),
    "# JSON documents",
    "This page is for authors of programs that call awg. It lists every document that `--json` prints, with its JSON Schema.",
    'A document is one line on standard output. `formatVersion` is "1"; a later version of awg only adds fields.\nKeys are in camelCase, but for `formatVersion`. What is not known is null or absent, as the schema says. No document holds a secret.',
    table(["document", "verbs", "content"], rows),
    "## Events of --json-stream",
    "`awg apply`, `rollback` and `destroy` with `--json-stream` print one JSON object a line while they work. The first line is `version`; the last is `result`, `error` or `interrupted`. Each line has `at`, the time by the wall clock. A `heartbeat` follows every 5 seconds.",
    table(["type", "meaning", "fields"], eventRows("json-stream")),
    "## Events of awg daemon --json",
    "The daemon prints one JSON object a line on standard error.",
    table(["type", "meaning", "fields"], eventRows("daemon-event")),
  );
}

type Json = Readonly<Record<string, unknown>>;

function eventRows(name: DocumentName): readonly (readonly string[])[] {
  const schema = documentJsonSchema(name);
  return (schema["anyOf"] as readonly Json[]).map((event) => {
    const json = definitionOf(schema, event);
    const properties = json["properties"] as Readonly<Record<string, Json>>;
    const fields = Object.keys(properties).filter((key) => key !== "type" && key !== "at");
    const type = String(properties["type"]?.["const"]);
    return [type, cell(meaningOf(json, `${name}: ${type}`)), fields.join(", ")];
  });
}

/** A part of a schema, or the definition that it refers to. */
function definitionOf(schema: Json, part: Json): Json {
  const reference = part["$ref"];
  if (typeof reference !== "string") return part;
  return (schema["$defs"] as Readonly<Record<string, Json>>)[reference.slice("#/$defs/".length)] ?? {};
}

/** The description; a document or event without one must not reach the page. */
function meaningOf(json: Json, what: string): string {
  if (typeof json["description"] !== "string") throw new Error(`${what} has no description`);
  return json["description"];
}
