import { configJsonSchema } from "../../src/config/json-schema.ts";
import { THIRD_PEER_KEY } from "../support/config.ts";

type Json = Readonly<Record<string, unknown>>;

/** A place in the configuration where a value, or the name of a key, may be written. */
export interface Field {
  /** `tunnels.*<0>.peers[].endpoint`: `*` is any key, `[]` an item, `<n>` the n-th form, `{}` the key itself. */
  readonly path: string;
  /** The smallest whole configuration with this value there. */
  readonly instance: (value: unknown) => Json;
}

/** Values of required keys that their schema alone does not tell. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  publicKey: THIRD_PEER_KEY,
  privateKey: { file: "/k" },
  password: { file: "/k" },
  server: "a.example:1080",
  via: "direct",
  addresses: ["10.0.0.2/32"],
  split: ["10.0.0.53"],
  target: "https://example.com/",
  source: "https://git.example/net.git",
  from: "tunnel/a",
  to: "tunnel/b",
  listen: "127.0.0.1:8080",
};

/**
 * Every place of the schema that takes a scalar, and every map whose keys are free, found by walking the schema. What
 * holds itself, a match in `all`, `any` and `not`, is entered once.
 */
export function schemaFields(): readonly Field[] {
  const root = configJsonSchema();
  const fields: Field[] = [];
  const entered = new Set<string>();
  const walk = (schema: Json, path: string, wrap: (value: unknown) => unknown): void => {
    const ref = schema["$ref"] as string | undefined;
    if (ref !== undefined) {
      const isRecursive = ref === "#/$defs/Match";
      if (isRecursive && entered.has(ref)) return;
      entered.add(ref);
      walk(resolve(ref, root), path, wrap);
      return;
    }
    const forms = (schema["anyOf"] ?? schema["oneOf"]) as readonly Json[] | undefined;
    if (forms !== undefined) {
      if (forms.some(isScalar)) fields.push({ path, instance: wrap as Field["instance"] });
      for (const [index, form] of forms.entries()) if (!isScalar(form)) walk(form, `${path}<${index}>`, wrap);
      return;
    }
    if (schema["type"] === "array") {
      walk(schema["items"] as Json, `${path}[]`, (value) => wrap([value]));
      return;
    }
    if (schema["type"] !== "object") {
      fields.push({ path, instance: wrap as Field["instance"] });
      return;
    }
    const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Json>>;
    const needed = minimal(schema, root);
    for (const [key, child] of Object.entries(properties)) {
      walk(child, path === "" ? key : `${path}.${key}`, (value) => wrap({ ...needed, [key]: value }));
    }
    const rest = schema["additionalProperties"];
    if (typeof rest !== "object" || rest === null) return;
    walk(rest as Json, `${path}.*`, (value) => wrap({ a: value }));
    const sample = sampleOf(rest as Json, path.slice(path.lastIndexOf(".") + 1), root);
    fields.push({ path: `${path}{}`, instance: (name) => wrap({ [String(name)]: sample }) as Json });
  };
  walk(root, "", (value) => value);
  return fields;
}

function resolve(ref: string, root: Json): Json {
  return (root["$defs"] as Readonly<Record<string, Json>>)[ref.slice("#/$defs/".length)] as Json;
}

function isScalar(schema: Json): boolean {
  return (
    schema["$ref"] === undefined &&
    schema["type"] !== "object" &&
    schema["type"] !== "array" &&
    schema["anyOf"] === undefined
  );
}

/** The required keys of a map. */
function minimal(schema: Json, root: Json): Json {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Json>>;
  const required = (schema["required"] ?? []) as readonly string[];
  return Object.fromEntries(required.map((key) => [key, sampleOf(properties[key] as Json, key, root)]));
}

function sampleOf(schema: Json, key: string, root: Json): unknown {
  if (schema["const"] !== undefined) return schema["const"];
  if (schema["enum"] !== undefined) return (schema["enum"] as readonly unknown[])[0];
  if (SAMPLES[key] !== undefined) return SAMPLES[key];
  const ref = schema["$ref"] as string | undefined;
  if (ref !== undefined) return sampleOf(resolve(ref, root), key, root);
  const forms = (schema["anyOf"] ?? schema["oneOf"]) as readonly Json[] | undefined;
  if (forms !== undefined) return sampleOf(forms.at(-1) as Json, key, root);
  if (schema["type"] === "array") return [sampleOf(schema["items"] as Json, key, root)];
  if (schema["type"] === "object") return minimal(schema, root);
  if (schema["type"] === "boolean") return true;
  return schema["type"] === "integer" ? (schema["minimum"] ?? 0) : "x";
}
