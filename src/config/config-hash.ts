import { sha256Hex } from "../model/sha256.ts";
import { MAX_FILE_BYTES } from "./source/limits.ts";

/**
 * One text a configuration is made of. `mode` is the file's permission bits, where it is a file; `exposure` says who else
 * than root could change it, where that counts.
 */
export interface ConfigSource {
  readonly name: string;
  readonly text: string;
  readonly mode?: number;
  readonly exposure?: { readonly message: string; readonly remedy: string };
}

/**
 * Hash of configuration texts in their order; names and permissions do not count. With it a caller can recognise a
 * configuration it has read before without loading the YAML and schema libraries: this module imports neither.
 * What lies behind the largest file that is ever accepted does not count, so that a huge one costs nothing.
 */
export function configHash(sources: readonly Pick<ConfigSource, "text">[]): string {
  return sha256Hex(sources.map(({ text }) => `${text.length}:${text.slice(0, MAX_FILE_BYTES)}`).join(""));
}
