import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The declarations of `awg/client`: its public types, and `connect` with its own comment and signature.
 *
 * @param root the repository
 * @throws Error if `connect` is declared in a form that is not found
 */
export function clientTypes(root: string): string {
  const read = (name: string): string => readFileSync(join(root, "src/client", name), "utf8");
  const declared = /^(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)export (function connect\([^{]+\): \w+) \{$/m;
  const [, comment, signature] = declared.exec(read("awg-client.ts")) ?? [];
  if (comment === undefined || signature === undefined) throw new Error("awg-client.ts declares no function connect");
  return `${read("client-api.ts")}\n${comment}export declare ${signature};\n`;
}
