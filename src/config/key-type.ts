type Json = Readonly<Record<string, unknown>>;

/** Short forms of definitions that would fill a line. */
const NAMED: Readonly<Record<string, string>> = {
  SecretKey: "{ file }, { env } or { keychain }",
  SecretText: "{ file }, { env } or { keychain }",
  AppMatcher: "name, or { path }, { dir }, …",
  Destination: "prefix, or { domain }, …",
  Match: "match",
  PathClaim: "match and via",
};

/** The type of a key in a few words: "boolean", "list of text", "auto or integer 576 to 65535". */
export function typeText(json: Json, definitions: Readonly<Record<string, Json>>): string {
  const texts = [...new Set(alternativesOf(json, definitions))];
  const last = texts.at(-1) ?? "any";
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(", ")} or ${last}`;
}

function alternativesOf(json: Json, definitions: Readonly<Record<string, Json>>): readonly string[] {
  const reference = json["$ref"];
  if (typeof reference === "string") {
    const name = reference.slice("#/$defs/".length);
    return NAMED[name] === undefined ? alternativesOf(definitions[name] ?? {}, definitions) : [NAMED[name]];
  }
  if (typeof json["form"] === "string") return [json["form"]];
  const alternatives = (json["anyOf"] ?? json["oneOf"]) as readonly Json[] | undefined;
  if (alternatives !== undefined && isOneOrMany(alternatives))
    return [`${typeText(alternatives[0], definitions)}; one or a list`];
  if (alternatives !== undefined) return alternatives.flatMap((one) => alternativesOf(one, definitions));
  if (Array.isArray(json["enum"])) return json["enum"].map(String);
  if (json["const"] !== undefined) return [String(json["const"])];
  if (json["type"] === "array") return [`list of ${typeText((json["items"] ?? {}) as Json, definitions)}`];
  if (json["type"] === "object") return [objectText(json, definitions)];
  if (json["type"] === "integer" || json["type"] === "number") return [numberText(json)];
  return [json["type"] === "string" ? "text" : String(json["type"] ?? "any")];
}

/** A value that may also be written as a list of such values. */
function isOneOrMany(alternatives: readonly Json[]): alternatives is readonly [Json, Json] {
  const [one, list] = alternatives;
  return alternatives.length === 2 && JSON.stringify(list?.["items"]) === JSON.stringify(one);
}

function objectText(json: Json, definitions: Readonly<Record<string, Json>>): string {
  const rest = json["additionalProperties"];
  if (typeof rest === "object" && rest !== null) return `map of ${typeText(rest as Json, definitions)}`;
  const keys = Object.keys((json["properties"] ?? {}) as Json);
  return keys.length === 1 ? `{ ${keys[0]} }` : "map";
}

function numberText(json: Json): string {
  const { type, minimum, maximum } = json as { type: string; minimum?: number; maximum?: number };
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum === undefined && most === undefined) return type;
  return most === undefined ? `${type} from ${minimum}` : `${type} ${minimum} to ${most}`;
}
