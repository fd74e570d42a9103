import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { BUILD_LIMIT_MS, buildPackage } from "./built-package.ts";

/** Where scripts/run-tests.ts has built the package for all files of its run. */
const alreadyBuilt = process.env["AWG_BUILT"];

/**
 * Builds the package before the tests of a file and removes it after them, unless the whole run has one; the getter gives
 * what node runs. It is what people install, and starts in a fifth of the processor time that the sources take: for tests
 * that start it often.
 */
export function useBuiltProgram(): () => string {
  let folder = alreadyBuilt;
  beforeAll(() => {
    folder ??= buildPackage();
  }, BUILD_LIMIT_MS);
  afterAll(() => {
    if (folder !== undefined && folder !== alreadyBuilt) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    if (folder === undefined) throw new Error("nothing is built yet");
    return join(folder, "dist", "awg.cjs");
  };
}
