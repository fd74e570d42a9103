import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { waitingLock } from "../../src/app/waiting-lock.ts";
import { AwgError } from "../../src/model/error.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const HELD: AsyncDisposable = { [Symbol.asyncDispose]: async () => {} };

/** A lock that is free at its n-th attempt. */
function lockFreeAt(attempt: number, facts: AwgError["facts"] = { verb: "daemon", pid: 4242 }) {
  let attempts = 0;
  const said: string[] = [];
  const lock = async (): Promise<AsyncDisposable> => {
    attempts += 1;
    if (attempts < attempt) throw new AwgError("locked", "busy", { facts });
    return HELD;
  };
  const take = waitingLock({ lock, onWait: (text) => void said.push(text) });
  return { said, take: () => take("apply"), attempts: () => attempts };
}

test("a lock that becomes free is taken, and a wait that a person notices is reported once", async () => {
  const brief = lockFreeAt(3);
  const first = brief.take();
  await vi.advanceTimersByTimeAsync(200);
  expect(await first).toBe(HELD);
  expect(brief.said).toEqual([]);
  const long = lockFreeAt(40);
  const second = long.take();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await second).toBe(HELD);
  expect(long.said).toEqual(["waiting up to 10 s for the daemon (process 4242) …"]);
});

test("the wait ends after ten seconds; a stopped process is not waited for", async () => {
  const busy = lockFreeAt(1_000);
  const refused = expect(busy.take()).rejects.toMatchObject({ kind: "locked" });
  await vi.advanceTimersByTimeAsync(10_100);
  await refused;
  const stopped = lockFreeAt(2, { pid: 4242, stopped: true });
  await expect(stopped.take()).rejects.toMatchObject({ kind: "locked" });
  expect(stopped.attempts()).toBe(1);
});
