import { readdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { SourceFile } from "./loaded-config.ts";
import { readRegularFile } from "./read-config-file.ts";

/** Reads what `include` names, relative to the file that includes it; a folder gives its *.yaml, *.yml and *.json. */
export function readInclude(name: string, from: string): SourceFile | readonly SourceFile[] {
  const path = isAbsolute(name) ? name : join(from === "-" ? "." : dirname(from), name);
  const status = statSync(path);
  if (!status.isDirectory()) return readRegularFile(path);
  return readdirSync(path)
    .filter((entry) => /^[^.].*\.(ya?ml|json)$/.test(entry))
    .sort()
    .map((entry) => readRegularFile(join(path, entry)));
}
