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
      cell(String(schema["description"])),
    ];
  });
  return page(
    generatedFrom("src/cli/documents"),
    "# JSON documents",
    "This page is for authors of programs that call awg. It lists every document that `--json` prints, with its JSON Schema.",
    'A document is one line on standard output. `format_version` is "1"; a later version of awg only adds fields.\nKeys are in camelCase, but for `format_version`. What is not known is null or absent, as the schema says. No document holds a secret.',
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
  const definitions = schema["$defs"] as Readonly<Record<string, Json>>;
  return (schema["anyOf"] as readonly Json[]).map((event) => {
    const reference = event["$ref"];
    const json = typeof reference === "string" ? (definitions[reference.slice("#/$defs/".length)] ?? {}) : event;
    const properties = json["properties"] as Readonly<Record<string, Json>>;
    const fields = Object.keys(properties).filter((key) => key !== "type" && key !== "at");
    return [String(properties["type"]?.["const"]), cell(String(json["description"] ?? "")), fields.join(", ")];
  });
}
