import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Two projects: what runs anywhere, and what needs a real Linux kernel (root, namespaces, TUN), three files
// at a time: most of their time is waiting. By itself vitest leaves one core free, which on two cores is half of them.
// scripts/run-tests.ts runs both at once, and what runs anywhere yields there.
/** Programs that a test starts print whole lines, whatever their text. */
const env = { COLUMNS: "100000" };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "anywhere",
          env,
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.linux.test.ts", "test/**/*.nightly.test.ts"],
          testTimeout: 300_000,
          maxWorkers: Math.max(2, availableParallelism() - 1),
        },
      },
      {
        test: {
          name: "linux",
          env,
          include: ["test/**/*.linux.test.ts"],
          exclude: ["test/**/*.nightly.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
