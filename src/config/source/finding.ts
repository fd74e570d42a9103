import { printableLine } from "../../model/text/printable.ts";
import type { ProblemId } from "../problem-catalogue.ts";
import type { Place } from "./source-node.ts";

/** A problem before its place has become file, line and column. */
export interface Finding {
  readonly id: ProblemId;
  readonly place: Place;
  readonly message: string;
  readonly remedy: string;
}

/** Collects findings; one problem at one place counts once. Quoted text is shown on one line. */
export class Findings {
  readonly #byKey = new Map<string, Finding>();
  readonly #hidden: Place[] = [];

  /** Notes a problem, unless the same is known of this place. */
  add(id: ProblemId, place: Place, said: string, advised: string): void {
    const [message, remedy] = [printableLine(said), printableLine(advised)];
    const key = `${id} ${place.source} ${place.start} ${place.end} ${message}`;
    if (!this.#byKey.has(key)) this.#byKey.set(key, { id, place, message, remedy });
  }

  /** Marks a place outside every tree, so that it is unknown whether it is a secret. */
  hide(place: Place): void {
    this.#hidden.push(place);
  }

  /** The places that may be secrets. */
  get hidden(): readonly Place[] {
    return this.#hidden;
  }

  /** Every finding, in the order they were noted. */
  get all(): readonly Finding[] {
    return [...this.#byKey.values()];
  }
}
