import type { Look } from "./view/status-of-document.ts";
import { stepView, type View, type ViewInput } from "./view/status-view.ts";

/** Drives the machine of the view with the clock's timer. */
export class LiveView {
  readonly #pendingMs: number;
  readonly #onShow: (look: Look) => void;
  #view: View = {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onShow called with each look that is to be shown */
  constructor(pendingMs: number, onShow: (look: Look) => void) {
    this.#pendingMs = pendingMs;
    this.#onShow = onShow;
  }

  /** What was shown last. */
  get shown(): Look | undefined {
    return this.#view.shown;
  }

  /** Goes on with something that happened. */
  feed(input: ViewInput): void {
    const { view, show, wait } = stepView(this.#view, input);
    this.#view = view;
    if (wait) this.#timer ??= setTimeout(() => this.feed({ type: "timer" }), this.#pendingMs);
    if (show === undefined) return;
    this.#stopTimer();
    this.#onShow(show);
  }

  /** Forgets what was shown. */
  reset(): void {
    this.#stopTimer();
    this.#view = {};
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
