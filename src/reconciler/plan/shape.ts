/** Whether a value from outside has a certain shape. Guards never throw. */
export type Guard = (value: unknown) => boolean;

/** Any string, the empty one too. */
export const isText: Guard = (value) => typeof value === "string";
/** true or false. */
export const isFlag: Guard = (value) => typeof value === "boolean";
/** A non-negative safe integer. */
export const isCount: Guard = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
/** Any value. */
export const isAnything: Guard = () => true;

/** One of the given words or numbers. */
export function isOneOf(...choices: readonly (string | number)[]): Guard {
  return (value) => choices.includes(value as string);
}

/** Accepts a list of which every item passes. */
export function isListOf(item: Guard): Guard {
  return (value) => Array.isArray(value) && value.every(item);
}

/** Accepts null, or what passes. */
export function isNullOr(guard: Guard): Guard {
  return (value) => value === null || guard(value);
}

/**
 * An object with these fields; those in `optional` may be absent. Unknown fields are accepted: a later minor version of
 * a format only adds fields.
 */
export function isObject(
  required: Readonly<Record<string, Guard>>,
  optional: Readonly<Record<string, Guard>> = {},
): Guard {
  const must = Object.entries(required);
  const may = Object.entries(optional);
  return (value) =>
    isPlainObject(value) &&
    must.every(([name, guard]) => Object.hasOwn(value, name) && guard(value[name])) &&
    may.every(([name, guard]) => !Object.hasOwn(value, name) || guard(value[name]));
}

/** An object with any names, each value of one shape. */
export function isRecordOf(item: Guard): Guard {
  return (value) =>
    isPlainObject(value) && Object.entries(value).every(([name, field]) => name !== "__proto__" && item(field));
}

/** One of several object shapes, selected by the value of a field. */
export function isTagged(tag: string, variants: Readonly<Record<string, Guard>>): Guard {
  return (value) => {
    if (!isPlainObject(value)) return false;
    const name = value[tag];
    return typeof name === "string" && Object.hasOwn(variants, name) && (variants[name] as Guard)(value);
  };
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
