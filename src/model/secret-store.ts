import type { SecretId } from "./secret.ts";

/**
 * Where secret bytes lie. WireGuard keys are their 32 raw bytes, whatever form the configuration gave them in, so that
 * the id of a key in a file and the id of the same key read back from an engine are equal.
 */
export interface SecretStore {
  /** The id of these bytes; stores nothing. */
  idOf(bytes: Uint8Array): SecretId;
  /** The bytes behind an id. Throws AwgError("host") when the store does not hold them. */
  bytesOf(id: SecretId): Uint8Array;
}
