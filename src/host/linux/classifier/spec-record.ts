import { canonicalJson } from "../../../model/canonical.ts";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import { sha256 } from "../../../model/sha256.ts";

/** What a loaded classifier decides by, as its programs keep it in the map `awg_spec`. */
export interface SpecRecord {
  /** The cookie of the network namespace, in decimals. */
  readonly namespace: string;
  /** Its inode, by which it is known whether it still exists. */
  readonly inode: string;
  readonly spec: ClassifierSpec;
  /** Where each path led at the load; null where nothing could be there. */
  readonly paths: Readonly<Record<string, string | null>>;
}

export const SPEC_MAP = "awg_spec";
const HASH_BYTES = 32;

/** The record as bytes: a SHA-256, then JSON. */
export function encodeSpecRecord(record: SpecRecord): Uint8Array {
  const text = new TextEncoder().encode(canonicalJson(record));
  const bytes = new Uint8Array(HASH_BYTES + text.length);
  bytes.set(sha256(text));
  bytes.set(text, HASH_BYTES);
  return bytes;
}

/** The record in these bytes; undefined if they are not what was written. */
export function decodeSpecRecord(bytes: Uint8Array): SpecRecord | undefined {
  const text = bytes.subarray(HASH_BYTES);
  if (Buffer.compare(sha256(text), bytes.subarray(0, HASH_BYTES)) !== 0) return undefined;
  return JSON.parse(new TextDecoder().decode(text)) as SpecRecord;
}
