/**
 * The id of a secret outside the secret store: hex HMAC-SHA256 of the bytes under the host's key. Ids are equal exactly
 * when the secrets are, and an id reveals nothing on another host (law 8).
 */
export type SecretId = string & { readonly __brand: "SecretId" };

/** The source of a secret in the config. `inline` is accepted with a warning. */
export type SecretRef =
  | { readonly file: string }
  | { readonly env: string }
  | { readonly keychain: string }
  | { readonly inline: string };
