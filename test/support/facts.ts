import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A folder or file of the facts collected outside the project (AWG_FACTS, by default ../shared/facts), if it is here. */
export function factsFolder(name: string): string | undefined {
  const facts = process.env["AWG_FACTS"] ?? fileURLToPath(new URL("../../../shared/facts", import.meta.url));
  const path = join(facts, name);
  return existsSync(path) ? path : undefined;
}
