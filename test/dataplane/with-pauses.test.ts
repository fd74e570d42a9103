import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withPauses } from "../../src/dataplane/with-pauses.ts";

/** How often this thread slept so far (proc_pid_status(5)). */
const sleeps = () =>
  Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync("/proc/thread-self/status", "utf8"))?.[1]);

test.skipIf(process.platform !== "linux")(
  "every item comes once, and this thread leaves its processor after each millisecond of work",
  () => {
    const items = Array.from({ length: 640 }, (_, number) => number);
    const seen: number[] = [];
    const before = sleeps();
    for (const item of withPauses(items)) {
      seen.push(item);
      // A tenth of a millisecond for each item: the clock is looked at 20 times.
      for (const end = performance.now() + 0.1; performance.now() < end; );
    }
    expect(sleeps() - before).toBeGreaterThanOrEqual(20);
    expect(seen).toEqual(items);
  },
);
