type Json = Readonly<Record<string, unknown>>;

/** Whether a value fits a JSON Schema. Knows the keywords our schema uses; throws on any other, so that none is missed. */
export function fitsSchema(schema: Json, value: unknown, root: Json = schema): boolean {
  return Object.entries(schema).every(([keyword, argument]) => {
    const check = KEYWORDS[keyword];
    if (check === undefined) throw new Error(`this validator does not know ${keyword}`);
    return check(argument as never, value, root, schema);
  });
}

type Check = (argument: never, value: unknown, root: Json, schema: Json) => boolean;

const always: Check = () => true;

const KEYWORDS: Readonly<Record<string, Check>> = {
  $schema: always,
  $defs: always,
  title: always,
  description: always,
  default: always,
  format: always,
  id: always,
  $ref: (ref: string, value, root) =>
    fitsSchema((root["$defs"] as Record<string, Json>)[ref.slice("#/$defs/".length)] as Json, value, root),
  type: (type: string, value) => typeOf(value) === type || (type === "number" && typeOf(value) === "integer"),
  enum: (values: readonly unknown[], value) => values.includes(value),
  const: (expected: unknown, value) => value === expected,
  anyOf: (schemas: readonly Json[], value, root) => schemas.some((schema) => fitsSchema(schema, value, root)),
  oneOf: (schemas: readonly Json[], value, root) =>
    schemas.filter((schema) => fitsSchema(schema, value, root)).length === 1,
  minimum: (bound: number, value) => typeof value !== "number" || value >= bound,
  maximum: (bound: number, value) => typeof value !== "number" || value <= bound,
  minLength: (bound: number, value) => typeof value !== "string" || value.length >= bound,
  maxLength: (bound: number, value) => typeof value !== "string" || value.length <= bound,
  pattern: (pattern: string, value) => typeof value !== "string" || new RegExp(pattern, "u").test(value),
  minItems: (bound: number, value) => !Array.isArray(value) || value.length >= bound,
  items: (item: Json, value, root) => !Array.isArray(value) || value.every((one) => fitsSchema(item, one, root)),
  required: (keys: readonly string[], value) => !isMap(value) || keys.every((key) => Object.hasOwn(value, key)),
  properties: (properties: Readonly<Record<string, Json>>, value, root) =>
    !isMap(value) ||
    Object.entries(properties).every(
      ([key, schema]) => !Object.hasOwn(value, key) || fitsSchema(schema, value[key], root),
    ),
  propertyNames: (schema: Json, value, root) =>
    !isMap(value) || Object.keys(value).every((key) => fitsSchema(schema, key, root)),
  additionalProperties: (rest: Json | false, value, root, { properties = {} }) =>
    !isMap(value) ||
    Object.entries(value).every(
      ([key, one]) => Object.hasOwn(properties as object, key) || (rest !== false && fitsSchema(rest, one, root)),
    ),
};

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function isMap(value: unknown): value is Json {
  return typeOf(value) === "object";
}
