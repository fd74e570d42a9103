import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";
import { AWG_PROTO } from "../src/api/grpc/awg-proto.ts";
import { renderProto } from "../src/api/grpc/proto-text.ts";
import { openApiDocument } from "../src/api/openapi.ts";
import { configJsonSchema } from "../src/config/json-schema.ts";
import { clientTypes } from "./client-types.ts";
import { capabilitiesPage } from "./reference/capabilities-page.ts";
import { cliPages } from "./reference/cli-pages.ts";
import { configPages } from "./reference/config-pages.ts";
import { doctorPage } from "./reference/doctor-page.ts";
import { exitCodePage } from "./reference/exit-code-page.ts";
import { grpcPage } from "./reference/grpc-page.ts";
import { documentSchemas, jsonPage } from "./reference/json-page.ts";
import { problemPages } from "./reference/problem-page.ts";

const TYPE_BANNER =
  "/* Written by scripts/generate from awg.schema.json; do not edit. The configuration as it may be written. */";

const CLIENT_BANNER = "/* Written by scripts/generate from src/client; do not edit. */";
const ROOT = fileURLToPath(new URL("..", import.meta.url));

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
    ["schema/client.d.ts", `${CLIENT_BANNER}\n${clientTypes(ROOT)}`],
    ...documentSchemas(),
    ...cliPages(),
    ...configPages(),
    ...problemPages(),
    ["schema/awg.proto", renderProto(AWG_PROTO)],
    ["docs/reference/grpc.md", grpcPage()],
    ["schema/openapi.json", `${JSON.stringify(openApiDocument(), undefined, 2)}\n`],
    ["docs/reference/exit-codes.md", exitCodePage()],
    ["docs/reference/doctor.md", doctorPage()],
    ["docs/reference/capabilities.md", capabilitiesPage()],
    ["docs/reference/json.md", jsonPage()],
  ]);
}

/** A description beside a `$ref` makes the type generator copy the type; inside `allOf` it becomes a comment. */
function wrapReferences(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(wrapReferences);
  if (typeof json !== "object" || json === null) return json;
  // What keys have in common is no type.
  const { allOf: _constraints, ...typed } = json as Readonly<Record<string, unknown>>;
  const wrapped = Object.fromEntries(Object.entries(typed).map(([key, value]) => [key, wrapReferences(value)]));
  const { $ref, description, default: _default, ...rest } = wrapped;
  return $ref === undefined || description === undefined ? wrapped : { ...rest, description, allOf: [{ $ref }] };
}
