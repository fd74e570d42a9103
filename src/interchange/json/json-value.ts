/** A JSON object; undefined for anything else. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
}

/** A list as its items; many programs accept a single value for a list of one. */
export function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [value];
}

/** The objects of a list; other items are skipped. */
export function objectsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return itemsOf(value)
    .map(objectOf)
    .filter((item) => item !== undefined);
}

/** A text or number as text on one line; undefined for anything else. */
export function wordOf(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const text = String(value).trim();
  return text === "" || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) ? undefined : text;
}

/** The value of a JSON text; undefined if it is invalid. The parser's message may quote a secret, so it is dropped. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `host:port`, an IPv6 address in brackets. */
export function joinEndpoint(host: string, port: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}
