import type { SecretRef } from "../../model/secret.ts";
import { checkKey } from "./key.ts";
import { type Fault, fault, isFault, leaf, wrongType } from "./leaf.ts";
import { KEY_PATTERN } from "./patterns.ts";
import { checkAbsolutePath, checkText } from "./scalar.ts";

const REMEDY = "use { file: /path }, { env: NAME } or { keychain: name }";

/** What each source takes, for the JSON Schema; an inline key has a form of its own. */
const SOURCE_PATTERNS: Readonly<Record<string, string>> = { file: "^/", env: "^[A-Za-z_][A-Za-z0-9_]*$" };

function secretRef(checkInline: (value: string) => Fault | undefined, inlinePattern?: string) {
  const inline = inlinePattern === undefined ? {} : { pattern: inlinePattern };
  const source = (key: string) => ({
    type: "object",
    properties: {
      [key]: {
        type: "string",
        minLength: 1,
        ...(SOURCE_PATTERNS[key] === undefined ? {} : { pattern: SOURCE_PATTERNS[key] }),
        ...(key === "inline" ? inline : {}),
      },
    },
    required: [key],
    additionalProperties: false,
  });
  const json = {
    anyOf: [{ type: "string", minLength: 1, ...inline }, ...["file", "env", "keychain", "inline"].map(source)],
  };
  return leaf(json, (input): SecretRef | Fault => {
    if (typeof input === "string") return readInline(input, checkInline);
    if (typeof input !== "object" || input === null || Array.isArray(input)) return wrongType(input, REMEDY.slice(6));
    const keys = Object.keys(input);
    const [key] = keys;
    if (key === undefined || keys.length > 1) {
      return fault("one-key", `a secret has ${keys.length} sources`, REMEDY);
    }
    return readSource(key, (input as Readonly<Record<string, unknown>>)[key], checkInline);
  });
}

function readSource(key: string, value: unknown, checkInline: (value: string) => Fault | undefined): SecretRef | Fault {
  if (key === "file") return at(key, checkAbsolutePath(value), (file) => ({ file }));
  if (key === "keychain") return at(key, checkText(value), (keychain) => ({ keychain }));
  if (key === "env") return at(key, checkVariableName(value), (env) => ({ env }));
  if (key !== "inline") return fault("secret-reference", "unknown source of secrets", REMEDY, [key]);
  if (typeof value !== "string") return { ...wrongType(value, "a string"), path: [key] };
  return readInline(value, checkInline);
}

function at(key: string, value: string | Fault, build: (text: string) => SecretRef): SecretRef | Fault {
  return isFault(value) ? { ...value, path: [key] } : build(value);
}

function checkVariableName(value: unknown): string | Fault {
  const name = checkText(value);
  if (isFault(name)) return name;
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  return fault("secret-reference", "not a name of an environment variable", "use letters, digits and _");
}

function readInline(value: string, checkInline: (value: string) => Fault | undefined): SecretRef | Fault {
  if (value === "") return fault("text-empty", "the secret is empty", REMEDY);
  return checkInline(value) ?? { inline: value };
}

/** A reference to a secret of any content. */
export const secretText = secretRef(() => undefined).meta({ id: "SecretText" });

/** A reference to a key of 32 bytes in base64. */
export const secretKey = secretRef(checkKey, KEY_PATTERN).meta({ id: "SecretKey" });
