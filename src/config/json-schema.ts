import { z } from "zod";
import { rootSchema } from "./section/root.ts";

type Json = Record<string, unknown>;

/** The JSON Schema (draft 2020-12) of what may be written, for editors and as the source of the public type. */
export function configJsonSchema(): Json {
  const schema = z.toJSONSchema(rootSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => allowSingleValue(jsonSchema as Json),
  });
  return {
    $schema: schema.$schema,
    title: "Awg configuration",
    description: "What the network path of one machine is to be: tunnels, rules, kill switch, DNS.",
    ...schema,
  };
}

/** Where a list may also be written as its one value, both forms are said. */
function allowSingleValue(json: Json): void {
  if (json["oneOrMany"] !== true) return;
  const { description, default: value, oneOrMany: _marker, ...list } = json;
  for (const key of Object.keys(json)) delete json[key];
  json["anyOf"] = [list["items"], list];
  if (description !== undefined) json["description"] = description;
  if (value !== undefined) json["default"] = value;
}
