import { type Fault, fault, leaf, wrongType } from "./leaf.ts";
import { KEY_PATTERN } from "./patterns.ts";

/** A public key: 32 bytes in base64. */
export function publicKey() {
  return leaf(
    { type: "string", pattern: KEY_PATTERN, not: { const: `${"A".repeat(43)}=` }, form: "key" },
    (input): string | Fault => {
      if (typeof input !== "string") return wrongType(input, "a public key in base64");
      const wrong = checkKey(input);
      if (wrong !== undefined) return wrong;
      if (/^A{43}=$/.test(input)) return fault("key-zero", "the public key is all zero", "use the peer's public key");
      return input;
    },
  );
}

/** The fault of a key that is not 32 bytes in base64; the message never contains the key. */
export function checkKey(input: string): Fault | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(input)) {
    const remedy = /[-_]/.test(input) ? "use the alphabet with + and /" : "expected 44 characters that end in =";
    return fault("key-syntax", "the key is not base64", remedy);
  }
  const bytes = Math.floor((input.replace(/=+$/, "").length * 6) / 8);
  if (bytes !== 32) return fault("key-length", `the key has ${input.length} characters`, "expected 44 that end in =");
  // The last of 43 characters carries four bits. The two below must be zero, or two texts would mean one key.
  if (!/^.{42}[AEIMQUYcgkosw048]=$/.test(input)) {
    return fault("key-syntax", "the key is not canonical base64", "expected 44 characters that end in =");
  }
  return undefined;
}
