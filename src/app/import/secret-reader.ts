import type { SecretRef } from "../../model/secret.ts";
import { readSecretText, type SecretSourceOptions } from "../../state/secret-source.ts";

/** Reads the texts that references lead to, with the checks of `awg apply`. AwgError naming the reference. */
export function secretReader(options: SecretSourceOptions): (ref: SecretRef) => string {
  return (ref) => readSecretText(ref, options);
}
