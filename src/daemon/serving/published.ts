import type { DaemonEvent, DaemonLine } from "../../api/daemon-lines.ts";
import type { Role } from "../../api/role.ts";
import type { DaemonState } from "../../state/daemon/daemon-state.ts";
import type { DaemonReport } from "../daemon-report.ts";
import { converseAbout } from "./conversation.ts";
import { countReport, NO_COUNTS } from "./daemon-counts.ts";
import { EventLog, type PlacedEvent } from "./event-log.ts";
import type { Conversation } from "./line-server.ts";
import type { LogLevels } from "./log-levels.ts";
import { noteReport } from "./note-report.ts";
import { StatusLook } from "./status-look.ts";

/** What the daemon does, as other processes learn it: its state, its events and the status of the host. */
export class Published {
  readonly #log: EventLog;
  readonly #status: StatusLook;
  readonly #followers = new Set<(event: PlacedEvent) => void>();
  readonly #levels: LogLevels;
  #state: DaemonState;
  #counts = NO_COUNTS;

  /**
   * @param begunMs when this daemon began, since the epoch
   * @param readStatus the document of `awg status --json`
   * @param levels what of it is logged, which an admin may change
   * @param files of the config, absolute
   */
  constructor(begunMs: number, readStatus: () => Promise<unknown>, levels: LogLevels, files: readonly string[] = []) {
    this.#levels = levels;
    this.#state = { files };
    this.#log = new EventLog(begunMs.toString(36));
    this.#status = new StatusLook(readStatus, (status) => this.#publish({ type: "status", status }));
  }

  /** What the daemon does and found. */
  get state(): DaemonState {
    return this.#state;
  }

  /** Notes where the tunnels and rules are in the files; false if they are where they were. */
  noteEntryLines(entryLines: Readonly<Record<string, string>>): boolean {
    const changed = JSON.stringify(entryLines) !== JSON.stringify(this.#state.entryLines ?? {});
    if (changed) this.#state = { ...this.#state, entryLines };
    return changed;
  }

  /** Notes a report; the new state if it differs from the one before. */
  note(report: DaemonReport): DaemonState | undefined {
    this.#counts = countReport(this.#counts, this.#state, report);
    const next = noteReport(this.#state, report, Date.now());
    const changed = JSON.stringify(next) !== JSON.stringify(this.#state);
    this.#state = next;
    this.#publish(report);
    return changed ? next : undefined;
  }

  /** Answers one client. */
  converse(send: (line: DaemonLine) => void, role: Role): Conversation {
    return converseAbout(
      {
        log: this.#log,
        status: this.#status,
        state: () => ({ pid: process.pid, counts: this.#counts, ...this.#state }),
        ...(role === "admin" ? { setLogLevel: this.#levels.set.bind(this.#levels) } : {}),
        follow: (onEvent) => {
          this.#followers.add(onEvent);
          return { [Symbol.dispose]: () => void this.#followers.delete(onEvent) };
        },
      },
      send,
    );
  }

  #publish({ type, ...fields }: DaemonReport | { readonly type: "status"; readonly status: unknown }): void {
    const event: DaemonEvent = { type, at: new Date().toISOString(), ...fields };
    const placed = this.#log.add(event);
    for (const follow of this.#followers) follow(placed);
  }
}
