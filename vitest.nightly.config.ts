import { defineConfig } from "vitest/config";

// What is too long for CI: the long forms of the leak lab, of the kill series and of the properties.
export default defineConfig({
  test: {
    include: ["test/**/*.nightly.test.ts"],
    testTimeout: 4 * 3_600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
