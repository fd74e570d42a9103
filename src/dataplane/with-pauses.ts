/** A thread works for so long, */
const WORK_MS = 1;
/** and then leaves its processor to other threads for so long. */
const PAUSE_MS = 0.05;
/** Reading the clock takes as long as a small item. */
const SMALL_ITEMS_A_LOOK = 32;

/** Never notified: a wait ends by its time. */
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * The items, with a short sleep after each millisecond of work on them. Where all processors are busy, such as with V8's
 * helper threads, packet threads get this one without waiting for the whole list.
 */
export function* withPauses<T>(items: Iterable<T>, itemsALook = SMALL_ITEMS_A_LOOK): Generator<T> {
  let begun = performance.now();
  let count = 0;
  for (const item of items) {
    yield item;
    count += 1;
    if (count % itemsALook !== 0 || performance.now() - begun < WORK_MS) continue;
    Atomics.wait(never, 0, 0, PAUSE_MS);
    begun = performance.now();
  }
}
