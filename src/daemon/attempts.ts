import { AwgError, messageOf } from "../model/error.ts";

/**
 * Runs the looks of a watch that survives every error. A failure is reported once until a look succeeds again. Another
 * awg at work is no failure: the next look repeats it.
 */
export class Attempts {
  readonly #what: string;
  readonly #report: (problem: { readonly type: "problem"; readonly text: string }) => void;
  #reported = "";

  /** @param what what fails, for people: "watching the endpoints" */
  constructor(what: string, report: (problem: { readonly type: "problem"; readonly text: string }) => void) {
    this.#what = what;
    this.#report = report;
  }

  /** One look; it never rejects. */
  async run(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.#reported = "";
    } catch (error) {
      if (error instanceof AwgError && error.kind === "locked") return;
      const text = `${this.#what} failed: ${messageOf(error)}`;
      if (text !== this.#reported) this.#report({ type: "problem", text });
      this.#reported = text;
    }
  }
}
