import { sha256Hex } from "../model/sha256.ts";
import { MAX_FILE_BYTES } from "./source/limits.ts";

/**
 * One text of a config. `mode` is the permission bits of its file; `exposure` names who besides root can change it,
 * where that matters.
 */
export interface ConfigSource {
  readonly name: string;
  readonly text: string;
  readonly mode?: number;
  readonly exposure?: { readonly message: string; readonly remedy: string };
}

/**
 * Hash of config texts in their order, without names and permissions. It identifies a config that was read before,
 * without loading the YAML and schema libraries: this module imports neither. Text beyond the size limit does not
 * count, so a huge file costs nothing.
 */
export function configHash(sources: readonly Pick<ConfigSource, "text">[]): string {
  return sha256Hex(sources.map(({ text }) => `${text.length}:${text.slice(0, MAX_FILE_BYTES)}`).join(""));
}
