import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/** Why a value does not fit a JSON Schema of draft 2020-12, a line for each reason; empty where it does. */
export type Misfits = (value: unknown) => readonly string[];

/** Compiles a schema. A keyword that the validator does not know, or an id used twice, throws. */
export function schemaCheck(schema: object): Misfits {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
  });
  formats.default(ajv);
  const validate = ajv.compile(schema);
  return (value) =>
    validate(value)
      ? []
      : (validate.errors ?? []).map(
          ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
        );
}
