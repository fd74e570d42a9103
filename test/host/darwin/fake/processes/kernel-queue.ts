import { constant, StructView, sizeOf } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import type { Descriptor, Kernel } from "../descriptor.ts";
import type { ProcessNote } from "./process-list.ts";

/** A queue of kqueue(2) that watches processes; once a process has ended it is watched no more (EV_ONESHOT). */
export class KernelQueue implements Descriptor {
  readonly kind = "kqueue";
  nonblocking = false;
  closeOnExec = false;
  readonly #kernel: Kernel;
  readonly #watched = new Set<number>();
  readonly #events: Uint8Array[] = [];
  readonly #watcher = (pid: number, note: ProcessNote): void => this.#hear(pid, note);

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    kernel.machine.processes.watchers.add(this.#watcher);
  }

  kevent(changes: Uint8Array, events: Uint8Array, timeoutMs: number): number {
    this.#kernel.log.take("kevent EVFILT_PROC");
    const size = sizeOf("kevent");
    if (changes.length % size !== 0 || events.length % size !== 0 || timeoutMs !== 0) {
      throw new UnfaithfulCall("kevent", `${changes.length} and ${events.length} bytes, ${timeoutMs} ms`);
    }
    for (let at = 0; at < changes.length; at += size) this.#register(changes.subarray(at, at + size));
    const given = this.#events.splice(0, events.length / size);
    for (const [index, event] of given.entries()) events.set(event, index * size);
    return given.length;
  }

  close(): void {
    this.#kernel.machine.processes.watchers.delete(this.#watcher);
  }

  #hear(pid: number, note: ProcessNote): void {
    if (!this.#watched.has(pid)) return;
    const isExit = note === "NOTE_EXIT";
    if (isExit) this.#watched.delete(pid);
    const flags = isExit ? constant("EV_EOF") | constant("EV_ONESHOT") : constant("EV_CLEAR");
    this.#events.push(this.#event(pid, flags, constant(note)));
  }

  #register(change: Uint8Array): void {
    const view = new StructView("kevent", change);
    const pid = view.get("ident");
    const isProcess = view.get("filter") === (constant("EVFILT_PROC") & 0xffff);
    const notes = ["NOTE_EXIT", "NOTE_FORK", "NOTE_EXEC"].reduce((sum, name) => sum + constant(name), 0);
    if (!isProcess || view.get("flags") !== constant("EV_ADD") || view.get("fflags") >>> 0 !== notes) {
      throw new UnfaithfulCall("kevent", "filter, flags or fflags (NOTE_TRACK is not supported, darwin-notes 7)");
    }
    if (this.#kernel.machine.processes.all.has(pid)) this.#watched.add(pid);
    else this.#events.push(this.#event(pid, constant("EV_ERROR"), 0, constant("ESRCH")));
  }

  #event(pid: number, flags: number, notes: number, data = 0): Uint8Array {
    const bytes = new Uint8Array(sizeOf("kevent"));
    const view = new StructView("kevent", bytes);
    view.set("ident", pid);
    view.set("filter", constant("EVFILT_PROC"));
    view.set("flags", flags);
    view.set("fflags", notes);
    view.set("data", data);
    return bytes;
  }
}
