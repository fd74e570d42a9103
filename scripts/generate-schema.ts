import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { generatedFiles } from "./generated-files.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const files = await generatedFiles();

// A document that no verb prints any more leaves no schema behind.
for (const name of readdirSync(`${ROOT}schema/json`)) {
  if (!files.has(`schema/json/${name}`)) rmSync(`${ROOT}schema/json/${name}`);
}
for (const [path, content] of files) {
  mkdirSync(dirname(ROOT + path), { recursive: true });
  writeFileSync(ROOT + path, content);
  console.error(`wrote ${path}`);
}
