/** A look or a change that takes longer counts as hanging. */
const LONGEST_WORK_MS = 10 * 60_000;

/** The service manager that started the daemon, and restarts it if it hangs. */
export interface Supervisor {
  /** The daemon watches the host and answers clients. */
  ready(): void;
  /** The daemon works; expected every `everyMs`. */
  alive(): void;
  /** The daemon ends at its own wish. */
  stopping(): void;
  /** Milliseconds between two signs of life; absent if none are expected. */
  readonly everyMs?: number;
}

interface LifeDeps {
  readonly setTimer: (ms: number, onDue: () => void) => Disposable;
}

/**
 * Reports the daemon as ready, and then as alive while its loop goes on, until disposed. A turn of the event loop alone
 * is no sign of life: a look that never ends would repair nothing.
 *
 * @param busyMs how long the loop's look or change has taken so far; undefined while it rests
 */
export function reportLife(
  supervisor: Supervisor | undefined,
  busyMs: () => number | undefined,
  { setTimer }: LifeDeps,
): Disposable {
  if (supervisor === undefined) return { [Symbol.dispose]: () => {} };
  const { everyMs } = supervisor;
  let timer: Disposable | undefined;
  const beat = (): void => {
    if (everyMs === undefined) return;
    timer = setTimer(everyMs, () => {
      beat();
      if ((busyMs() ?? 0) < LONGEST_WORK_MS) supervisor.alive();
    });
  };
  supervisor.ready();
  beat();
  return {
    [Symbol.dispose]: () => {
      timer?.[Symbol.dispose]();
      supervisor.stopping();
    },
  };
}
