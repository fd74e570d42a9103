import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

// What is too long for CI, one file at a time: the files that run at night only, and those that have two sizes, at full
// size. AWG_SEED and AWG_STORIES choose other stories, and more of them.
const sized = globSync("test/**/*.test.ts").filter((file) => readFileSync(file, "utf8").includes("support/size.ts"));

export default defineConfig({
  test: {
    include: ["test/**/*.nightly.test.ts", ...sized],
    env: { AWG_SIZE: "full", COLUMNS: "100000" },
    testTimeout: 4 * 3_600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
