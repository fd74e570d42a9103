import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { ConfigSource } from "../../model/config/config-hash.ts";
import { AwgError } from "../../model/error.ts";

const MAX_FILE_BYTES = 1024 * 1024;

/** Reads what `include` names, relative to the file that includes it; a folder gives its *.yaml, *.yml and *.json. */
export function readInclude(name: string, from: string): ConfigSource | readonly ConfigSource[] {
  const path = isAbsolute(name) ? name : join(from === "-" ? "." : dirname(from), name);
  const status = statSync(path);
  if (!status.isDirectory()) return readSource(path);
  return readdirSync(path)
    .filter((entry) => /^[^.].*\.(ya?ml|json)$/.test(entry))
    .sort()
    .map((entry) => readSource(join(path, entry)));
}

function readSource(path: string): ConfigSource {
  const status = statSync(path);
  if (!status.isFile()) throw new AwgError("config", `${path} is not a regular file`);
  if (status.size > MAX_FILE_BYTES)
    throw new AwgError("config", `${path} has ${status.size} bytes; a config may have ${MAX_FILE_BYTES}`);
  return { name: path, text: readFileSync(path, "utf8"), mode: status.mode & 0o7777 };
}
