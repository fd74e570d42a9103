import { SECRET_OBFUSCATION_KEY } from "../../../uapi/obfuscation.ts";

const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "privateKey",
  "presharedKey",
  "headerProtectionKey",
  SECRET_OBFUSCATION_KEY,
  "password",
]);

/** Specs hold a fingerprint in place of a secret: 64 hex digits, which a reader would take for the key itself. */
export function withoutSecrets(spec: unknown): unknown {
  if (Array.isArray(spec)) return spec.map(withoutSecrets);
  if (typeof spec !== "object" || spec === null) return spec;
  const shown = Object.entries(spec).map(([name, value]) =>
    SECRET_FIELDS.has(name) && typeof value === "string"
      ? [name, `(secret, fingerprint ${value.slice(0, 12)})`]
      : [name, withoutSecrets(value)],
  );
  return Object.fromEntries(shown);
}
