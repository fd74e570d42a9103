import type { Planned } from "../../app/plan/planned.ts";
import { PORTAL_REQUEST } from "../../app/portal/open-portal.ts";
import { isInSync } from "../../model/plan.ts";
import type { UseCases } from "../use-cases.ts";

/** A change of the login page that the loop is to carry out. */
export interface PortalChange {
  readonly planned: Planned;
  readonly request: typeof PORTAL_REQUEST;
  /** Ends the wait for it; with the error if it was not carried out. */
  readonly settle: (error?: unknown) => void;
}

type MakePlan = () => Promise<Planned | undefined>;

/**
 * One change at a time, which waits for the loop: nothing else of this process may change the host, or the loop would take
 * the one's work for drift and repair it.
 */
export class DueChange implements Disposable {
  readonly #useCases: Pick<UseCases, "apply">;
  readonly #wake: () => void;
  #due: { readonly make: MakePlan; readonly settle: PortalChange["settle"] } | undefined;
  #settle: PortalChange["settle"] | undefined;

  constructor(useCases: Pick<UseCases, "apply">, wake: () => void) {
    this.#useCases = useCases;
    this.#wake = wake;
  }

  /** Returns when the loop has carried it out. Throws what planning and applying throw. */
  carryOut(make: MakePlan): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    this.#due = { make, settle: this.#settle };
    this.#wake();
    return promise;
  }

  /** The change that is due, planned; undefined if there is none, or none of the host's resources changes. */
  async take(): Promise<PortalChange | undefined> {
    const due = this.#due;
    this.#due = undefined;
    if (due === undefined) return undefined;
    const { make, settle } = due;
    try {
      const planned = await make();
      if (planned !== undefined && !isInSync(planned.plan)) return { planned, request: PORTAL_REQUEST, settle };
      const hooks = { request: PORTAL_REQUEST, onEvent: () => {}, shouldStop: () => undefined };
      if (planned !== undefined) await this.#useCases.apply(planned, hooks);
      settle();
    } catch (error) {
      settle(error);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#settle?.(new Error("the daemon ends"));
  }
}
