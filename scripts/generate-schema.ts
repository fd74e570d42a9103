import { writeFileSync } from "node:fs";
import { generatedFiles } from "./generated-files.ts";

for (const [path, content] of await generatedFiles()) {
  writeFileSync(new URL(`../${path}`, import.meta.url), content);
  console.error(`wrote ${path}`);
}
