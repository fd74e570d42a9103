import { expect, test } from "vitest";
import { planUnderLock } from "../../../src/app/apply/plan-under-lock.ts";
import type { HostParts } from "../../../src/app/parts.ts";
import type { Planned } from "../../../src/app/plan/planned.ts";
import type { JournalRecord } from "../../../src/reconciler/journal/journal-record.ts";

const PLANNED = { verb: "apply" } as Planned;
const BEGIN: JournalRecord = { type: "begin", verb: "apply", configHash: "", generation: 1, startedMs: 0 };

/** Parts that note what was done with their lock; their journal holds these records. */
function partsWith(records: readonly JournalRecord[]): { readonly parts: HostParts; readonly done: string[] } {
  const done: string[] = [];
  const lock = async (verb: string): Promise<AsyncDisposable> => {
    done.push(`lock ${verb}`);
    return { [Symbol.asyncDispose]: async () => void done.push("let go") };
  };
  const read = async () => records.map((record) => ({ record, sameBoot: true }));
  return { parts: { lock, stores: { journal: { location: "journal", read } } } as unknown as HostParts, done };
}

test("law 5: a plan without a prompt is made under the lock, which is kept for it", async () => {
  const { parts, done } = partsWith([]);
  const { planned, lock } = await planUnderLock(parts, async () => {
    done.push("plan");
    return PLANNED;
  });
  expect(planned).toBe(PLANNED);
  expect(done).toEqual(["lock apply", "plan"]);
  await lock?.[Symbol.asyncDispose]();
  expect(done).toEqual(["lock apply", "plan", "let go"]);
});

test("law 5: while a transaction is open the plan is to be made again once that is recovered", async () => {
  const { parts, done } = partsWith([BEGIN]);
  const { lock } = await planUnderLock(parts, async () => {
    done.push("plan");
    return PLANNED;
  });
  expect(lock).toBeUndefined();
  expect(done).toEqual(["lock apply", "let go", "plan"]);
});

test("a plan that is refused lets go of the lock", async () => {
  const { parts, done } = partsWith([]);
  const refused = planUnderLock(parts, () => Promise.reject(new Error("refused")));
  await expect(refused).rejects.toThrow("refused");
  expect(done).toEqual(["lock apply", "let go"]);
});
