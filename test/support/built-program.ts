import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { ROOT } from "../repository/sources.ts";

const LIMIT_MS = 300_000;

/**
 * Builds the package before the tests of a file and removes it after them; the getter gives what node runs. It is what
 * people install, and starts in a fifth of the processor time that the sources take: for tests that start it often.
 */
export function useBuiltProgram(): () => string {
  let folder: string | undefined;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "awg-built-"));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, "node_modules"));
    for (const name of ["koffi", "@koromix"])
      symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
    execFileSync(process.execPath, [join(ROOT, "scripts", "build.ts"), join(folder, "dist")], { timeout: LIMIT_MS });
  }, LIMIT_MS);
  afterAll(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    if (folder === undefined) throw new Error("nothing is built yet");
    return join(folder, "dist", "awg.cjs");
  };
}
