import { readFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";
import { configJsonSchema } from "../src/config/json-schema.ts";
import { renderKeyTables } from "../src/config/key-table.ts";
import { renderProblemTable } from "../src/config/problem-table.ts";

const TYPE_BANNER =
  "/* Written by scripts/generate from awg.schema.json; do not edit. The configuration as it may be written. */";

/** Written by hand down to the marker, generated below it. */
const CONFIGURATION_PAGE = "docs/configuration.md";
const MARKER = "<!-- Written by scripts/generate from here on; do not edit. -->\n";

/** Every generated file with its content, by its path in the repository. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const schema = configJsonSchema();
  const type = await compile(wrapReferences(schema) as typeof schema, "AwgConfiguration", {
    bannerComment: TYPE_BANNER,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { printWidth: 120 },
  });
  return new Map([
    ["schema/awg.schema.json", `${JSON.stringify(schema, undefined, 2)}\n`],
    ["schema/awg.d.ts", type],
    ["docs/problems.md", renderProblemTable()],
    [CONFIGURATION_PAGE, withKeyTables(readFileSync(new URL(`../${CONFIGURATION_PAGE}`, import.meta.url), "utf8"))],
  ]);
}

function withKeyTables(page: string): string {
  const end = page.indexOf(MARKER);
  if (end < 0) throw new Error(`${CONFIGURATION_PAGE} has lost the line ${MARKER}`);
  return `${page.slice(0, end)}${MARKER}\n${renderKeyTables()}`;
}

/** A description beside a `$ref` makes the type generator copy the type; inside `allOf` it becomes a comment. */
function wrapReferences(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(wrapReferences);
  if (typeof json !== "object" || json === null) return json;
  const wrapped = Object.fromEntries(Object.entries(json).map(([key, value]) => [key, wrapReferences(value)]));
  const { $ref, description, default: _default, ...rest } = wrapped;
  return $ref === undefined || description === undefined ? wrapped : { ...rest, description, allOf: [{ $ref }] };
}
