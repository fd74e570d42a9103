import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../repository/sources.ts";

/** How long a build may take. */
export const BUILD_LIMIT_MS = 300_000;

/** Builds the package in a new folder, which every user may read, and gives its path. */
export function buildPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), "awg-built-"));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "node_modules"));
  for (const name of ["koffi", "@koromix"])
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  const words = [join(ROOT, "scripts", "build.ts"), join(folder, "dist")];
  execFileSync(process.execPath, words, { timeout: BUILD_LIMIT_MS });
  return folder;
}
