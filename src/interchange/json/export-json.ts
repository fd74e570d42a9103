import type { ConfigSource } from "../../config/config-hash.ts";
import { Findings } from "../../config/source/finding.ts";
import { placeDescriber } from "../../config/source/locate-findings.ts";
import { mergeSources } from "../../config/source/merge-sources.ts";
import { type ReadInclude, readSources } from "../../config/source/read-sources.ts";
import { toPlain } from "../../config/source/source-node.ts";

/**
 * A valid config as one JSON document: several files and includes merged, references to secrets kept, inline secrets
 * replaced by a word.
 */
export function exportJson(sources: readonly ConfigSource[], readInclude: ReadInclude | undefined): string {
  const findings = new Findings();
  const read = readSources(sources, readInclude, findings);
  const root = mergeSources(read.roots, findings, placeDescriber(read.sources));
  const document = root === undefined ? {} : (toPlain(root) as Readonly<Record<string, unknown>>);
  const { include: _, ...merged } = document;
  return JSON.stringify(merged, hideSecret, 2);
}

const SECRET_KEYS = ["privateKey", "presharedKey", "headerProtectionKey", "password", "inline"];

function hideSecret(key: string, value: unknown): unknown {
  return typeof value === "string" && SECRET_KEYS.includes(key) ? "(secret)" : value;
}
