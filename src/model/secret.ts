/**
 * A secret's stand-in everywhere outside the secret store: hex HMAC-SHA256 of the bytes under the machine's key, so that
 * two ids are equal exactly when the secrets are, and an id tells nothing on another machine (law 8).
 */
export type SecretId = string & { readonly __brand: "SecretId" };

/** Where the configuration says a secret is to be had. `inline` is accepted with a warning. */
export type SecretRef =
  | { readonly file: string }
  | { readonly env: string }
  | { readonly keychain: string }
  | { readonly inline: string };
