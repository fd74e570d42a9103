import type { NetworkEvent } from "../ports/network-events.ts";

/** A fault in delivering one event; a real kernel's buffer causes the first two, its scheduler the third. */
export type EventFault =
  | { readonly kind: "lose" }
  | { readonly kind: "double" }
  /** It arrives after this many later events, or with `letThrough`. */
  | { readonly kind: "delay"; readonly events: number };

/** A fault and the number of its event, counted from 1 since the schedule was set. */
export interface ScheduledEventFault {
  readonly at: number;
  readonly fault: EventFault;
}

interface LateEvent {
  readonly event: NetworkEvent;
  after: number;
}

/** Events of the simulated host: delivered at once, except those that a fault loses, doubles or delays. */
export class MachineEvents {
  readonly #listeners = new Set<(event: NetworkEvent) => void>();
  #faults: readonly ScheduledEventFault[] = [];
  #late: LateEvent[] = [];
  #count = 0;

  /** Replaces the scheduled faults; their numbers count events from now on. */
  schedule(faults: readonly ScheduledEventFault[]): void {
    this.#faults = faults;
    this.#count = 0;
  }

  watch(onEvent: (event: NetworkEvent) => void): AsyncDisposable {
    this.#listeners.add(onEvent);
    return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(onEvent) };
  }

  emit(event: NetworkEvent): void {
    this.#count += 1;
    for (const late of this.#late) late.after -= 1;
    const fault = this.#faults.find(({ at }) => at === this.#count)?.fault;
    if (fault?.kind === "delay") this.#late.push({ event, after: fault.events });
    else if (fault?.kind !== "lose") this.#deliver(event);
    if (fault?.kind === "double") this.#deliver(event);
    const due = this.#late.filter(({ after }) => after <= 0);
    this.#late = this.#late.filter(({ after }) => after > 0);
    for (const late of due) this.#deliver(late.event);
  }

  /** Delivers the delayed events, in order. */
  letThrough(): void {
    for (const { event } of this.#late.splice(0)) this.#deliver(event);
  }

  #deliver(event: NetworkEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
