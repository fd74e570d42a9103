import { nearestWord } from "../field/edit-distance.ts";
import { type Fault, fault, isFault, quoteKey, wrongType } from "../field/leaf.ts";
import { TEXT_PATTERN } from "../field/patterns.ts";
import { orList } from "../field/scalar.ts";

/** What each key of a form `{ key: value }` makes of its value. */
export type OneKeyReader<T> = Readonly<Record<string, (value: unknown) => T | Fault>>;

/** The value made of a checked text, or its fault. */
export function build<T>(value: string | Fault, make: (text: string) => T): T | Fault {
  return isFault(value) ? value : make(value);
}

/** Reads a map that has exactly one of several keys. */
export function readOneKey<T>(input: object, readers: OneKeyReader<T>, what: string): T | Fault {
  const known = Object.keys(readers);
  const keys = Object.keys(input);
  const [key] = keys;
  if (Array.isArray(input)) return wrongType(input, what);
  if (key === undefined || keys.length > 1) {
    return fault("one-key", `${what} has ${keys.length} keys`, `use exactly one of ${orList(known)}`);
  }
  const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
  if (reader === undefined) {
    const near = nearestWord(key, known);
    return fault(
      "unknown-key",
      `unknown key ${quoteKey(key, near)}`,
      near ? `did you mean ${near}?` : `use ${orList(known)}`,
      [key],
    );
  }
  const result = reader((input as Readonly<Record<string, unknown>>)[key]);
  return isFault(result) ? { ...result, path: [key, ...(result.path ?? [])] } : result;
}

/** The JSON Schema of such maps; `values` gives that of a key's value where it is no text. */
export function oneKeyForms(
  readers: OneKeyReader<unknown>,
  values: Readonly<Record<string, object>> = {},
): readonly object[] {
  return Object.keys(readers).map((key) => ({
    type: "object",
    properties: { [key]: values[key] ?? { type: "string", minLength: 1, pattern: TEXT_PATTERN } },
    required: [key],
    additionalProperties: false,
  }));
}
