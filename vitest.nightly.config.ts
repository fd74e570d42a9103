import { defineConfig } from "vitest/config";

// What is too long for CI: the long forms of the leak lab, of the series of kills and failing calls, and of the properties
// (AWG_SEED and AWG_STORIES choose other stories, and more of them).
export default defineConfig({
  test: {
    include: ["test/**/*.nightly.test.ts"],
    testTimeout: 4 * 3_600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
