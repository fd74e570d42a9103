import { z } from "zod";
import { rootSchema } from "./section/root.ts";

type Json = Record<string, unknown>;

/** The JSON Schema (draft 2020-12) of the accepted input, for editors and as the source of the public type. */
export function configJsonSchema(): Json {
  return schemaWith((json) => {
    delete json["support"];
    delete json["form"];
  });
}

/** The same with `support`, where a key works, and `form`, the short name of a value's form. */
export function annotatedSchema(): Json {
  return schemaWith(() => {});
}

function schemaWith(change: (json: Json) => void): Json {
  const schema = z.toJSONSchema(rootSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      allowSingleValue(jsonSchema as Json);
      change(jsonSchema as Json);
    },
  });
  return {
    $schema: schema.$schema,
    title: "Awg configuration",
    description: "The network path of one host: tunnels, rules, kill switch, DNS.",
    ...schema,
  };
}

/** Where a list may also be written as its one value, the schema has both forms. */
function allowSingleValue(json: Json): void {
  if (json["oneOrMany"] !== true) return;
  const { description, support, default: value, oneOrMany: _marker, ...list } = json;
  for (const key of Object.keys(json)) delete json[key];
  json["anyOf"] = [list["items"], list];
  if (description !== undefined) json["description"] = description;
  if (support !== undefined) json["support"] = support;
  if (value !== undefined) json["default"] = value;
}
