/** This thread works for so long, */
const WORK_MS = 1;
/** and then leaves its processor to other threads for so long. */
const PAUSE_MS = 0.05;
/** Reading the clock takes as long as a small item. */
const ITEMS_A_LOOK = 32;

/** Never notified: a wait ends by its time. */
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * The items, with a short sleep after each millisecond of work on them: where all processors are busy, such as with V8's
 * helper threads, the packet thread gets this one without waiting for the whole list.
 */
export function* withPauses<T>(items: Iterable<T>): Generator<T> {
  let begun = performance.now();
  let count = 0;
  for (const item of items) {
    yield item;
    count += 1;
    if (count % ITEMS_A_LOOK !== 0 || performance.now() - begun < WORK_MS) continue;
    Atomics.wait(never, 0, 0, PAUSE_MS);
    begun = performance.now();
  }
}
