/** The version that a config names, "2.0"; only awg's own engine has this key and may get it. */
export const GENERATION_KEY = "awg_generation";

/**
 * AmneziaWG's device keys over UAPI, with the value that switches each off. Engines print and require this order: h1 to
 * h4 together, header_protection_key after the paddings it depends on.
 */
const OFF_VALUES: Readonly<Record<string, string>> = {
  jc: "0",
  jmin: "0",
  jmax: "0",
  s1: "0",
  s2: "0",
  s3: "0",
  s4: "0",
  h1: "1",
  h2: "2",
  h3: "3",
  h4: "4",
  i1: "",
  i2: "",
  i3: "",
  i4: "",
  i5: "",
  j1: "",
  j2: "",
  j3: "",
  itime: "0",
  header_protection_key: "",
  content_padding_addition: "0",
  rekey_after_time: "0",
  rekey_timeout: "0",
  reject_after_time: "0",
  keepalive_timeout: "0",
  max_handshake_attempts: "0",
  random_trailers: "0",
  disable_cookies: "0",
  [GENERATION_KEY]: "",
};

/** The key with a secret value: specs and observations hold its SecretId, UAPI its hex. */
export const SECRET_OBFUSCATION_KEY = "header_protection_key";

/** Every AmneziaWG device key by its UAPI name, in the order of a set. */
export const OBFUSCATION_KEYS: readonly string[] = Object.keys(OFF_VALUES);

/** Whether a UAPI device key is one of AmneziaWG's. */
export function isObfuscationKey(key: string): boolean {
  return Object.hasOwn(OFF_VALUES, key);
}

/** The value that switches a key off. */
export function offValueOf(key: string): string {
  return OFF_VALUES[key] ?? "";
}

/**
 * The same parameters in one comparable form: disabling values are left out, `5-5` is `5`, `true` and `on` are `1`;
 * keys in the order of a set. Specs and engine replies both use it.
 */
export function normalizeObfuscation(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const normal: Record<string, string> = {};
  for (const key of OBFUSCATION_KEYS) {
    const value = values[key];
    if (value === undefined) continue;
    const text = normalizeValue(value);
    if (text !== OFF_VALUES[key]) normal[key] = text;
  }
  return normal;
}

function normalizeValue(value: string): string {
  if (value === "true" || value === "on") return "1";
  if (value === "false" || value === "off") return "0";
  const range = /^([0-9]+)-([0-9]+)$/.exec(value);
  return range !== null && range[1] === range[2] ? (range[1] ?? value) : value;
}
