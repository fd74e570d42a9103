/** Shorter values are no secrets worth the name, and would be found everywhere. */
const LEAST_LETTERS = 6;

/** What may stand before the host of a URL, a whole Amnezia configuration in a link, and credentials of a query. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^/\s"'@]{1,500}@/gi, "$1(secret)@"],
  [/\bvpn:\/\/[A-Za-z0-9_+/=-]+/g, "vpn://(secret)"],
  [/([?&][a-z0-9_-]*(?:token|key|secret|pass|auth|sig)[a-z0-9_-]*=)[^&\s"']+/gi, "$1(secret)"],
  [/\b(private_key|preshared_key|PrivateKey|PresharedKey)(\s*=\s*)\S+/g, "$1$2(secret)"],
];

/** Every form in which bytes of a key are written. Pure. */
export function formsOf(bytes: Uint8Array): readonly string[] {
  const buffer = Buffer.from(bytes);
  const base64 = buffer.toString("base64");
  return [
    base64,
    base64.replace(/=+$/, ""),
    buffer.toString("base64url"),
    buffer.toString("hex"),
    buffer.toString().trim(),
  ];
}

/** The same secrets in each form that a program may have written: a key as text is base64 of 32 bytes. Pure. */
export function allForms(secrets: readonly string[]): readonly string[] {
  const forms = secrets.flatMap((text) => {
    const bytes = Buffer.from(text, "base64");
    return bytes.length === 32 ? [text, ...formsOf(bytes)] : [text, encodeURIComponent(text)];
  });
  const long = [...new Set(forms)].filter((text) => text.length >= LEAST_LETTERS);
  return long.sort((a, b) => b.length - a.length);
}

/** A text without these secrets, and without what looks like one. Pure. */
export function scrub(text: string, secrets: readonly string[]): string {
  const known = secrets.reduce((rest, secret) => rest.replaceAll(secret, "(secret)"), text);
  return PATTERNS.reduce((rest, [pattern, shown]) => rest.replace(pattern, shown), known);
}
