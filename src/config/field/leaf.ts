import { z } from "zod";
import { type Fault, fault, isFault } from "./fault.ts";

export { type Fault, fault, isFault, kindOf, quote, quoteKey, wrongType, wrongTypeMessage } from "./fault.ts";

/**
 * A field that is read as a whole. `json` describes what is accepted (JSON Schema), `parse` returns the normalised
 * value or a fault. The value never enters zod's issue, so no secret can.
 */
export function leaf<T>(json: Readonly<Record<string, unknown>>, parse: (input: unknown) => T | Fault) {
  return z
    .unknown()
    .transform((input, context): T => {
      const result = input === undefined ? fault("missing-key", "a key is missing", "add it") : parse(input);
      if (!isFault(result)) return result;
      context.issues.push({
        code: "custom",
        input: undefined,
        message: result.message,
        params: { id: result.fault, remedy: result.remedy },
        path: [...(result.path ?? [])],
      });
      return z.NEVER;
    })
    .meta(json);
}

/** A list that may also be given as a single value. */
export function oneOrMany<T extends z.ZodType>(item: T) {
  return z
    .preprocess((input) => (Array.isArray(input) || input === undefined ? input : [input]), z.array(item).min(1))
    .meta({ oneOrMany: true });
}
