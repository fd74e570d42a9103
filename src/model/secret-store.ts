import type { SecretId } from "./secret.ts";

/**
 * The store of secret bytes. WireGuard keys are stored as their 32 raw bytes, whatever their form in the config. So a
 * key from a file and the same key read back from an engine have the same id.
 */
export interface SecretStore {
  /** The id of these bytes; stores nothing. */
  idOf(bytes: Uint8Array): SecretId;
  /** The bytes behind an id. Throws AwgError("host") when the store does not hold them. */
  bytesOf(id: SecretId): Uint8Array;
}
