import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const made: string[] = [];

/** A new private folder for this file's tests, removed with its content after the last of them. */
export function temporaryFolder(name = "t"): string {
  const path = mkdtempSync(join(tmpdir(), `awg-${name}-`));
  made.push(path);
  return path;
}

afterAll(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});
