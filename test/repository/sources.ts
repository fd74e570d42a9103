import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");

/** Every file below a folder of the repository, as paths from the root, sorted. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => statSync(join(ROOT, name)).isFile())
    .sort();
}

export function read(name: string): string {
  return readFileSync(join(ROOT, name), "utf8");
}

export interface Import {
  readonly file: string;
  /** As written: "node:fs", "zod", or a path from the repository's root for relative ones. */
  readonly target: string;
  readonly isType: boolean;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** Every static and dynamic import of a TypeScript file. */
export function importsOf(file: string): readonly Import[] {
  const found: Import[] = [];
  for (const match of read(file).matchAll(IMPORT)) {
    const written = match[2] ?? match[3] ?? "";
    const target = written.startsWith(".") ? relative(ROOT, join(ROOT, file, "..", written)) : written;
    found.push({ file, target, isType: match[1] !== undefined });
  }
  return found;
}
