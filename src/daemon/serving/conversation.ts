import type { DaemonLine, DaemonQuestion, LogComponent, LogLevel } from "../../api/daemon-lines.ts";
import { messageOf } from "../../model/error.ts";
import type { EventLog, PlacedEvent } from "./event-log.ts";
import type { Conversation } from "./line-server.ts";
import type { StatusLook } from "./status-look.ts";

/** What clients can learn from the daemon. */
export interface Knowledge {
  readonly log: EventLog;
  readonly status: StatusLook;
  /** What the daemon does now. */
  readonly state: () => unknown;
  /** Absent for a client that may not change it. */
  readonly setLogLevel?: (level: LogLevel, component?: LogComponent) => void;
  /** Calls back for each new event until it is disposed. */
  readonly follow: (onEvent: (event: PlacedEvent) => void) => Disposable;
}

/** Answers the questions of one client from what the daemon knows. Questions of a client do not wait for each other. */
export function converseAbout(
  { log, status, state, setLogLevel, follow }: Knowledge,
  send: (line: DaemonLine) => void,
): Conversation {
  const watches = new DisposableStack();
  const watch = async ({ id, after }: Extract<DaemonQuestion, { ask: "watch" }>): Promise<void> => {
    const missed = after === undefined ? undefined : log.after(after);
    // What happens while the status is read comes after the snapshot.
    let waiting: PlacedEvent[] | undefined = [];
    const pass = ({ place, event }: PlacedEvent): void => send({ id, place, event });
    watches.use(follow((event) => (waiting === undefined ? pass(event) : void waiting.push(event))));
    watches.use(status.watch());
    if (missed === undefined) {
      const { place } = log;
      const now = await status.now().catch(() => null);
      send({ id, place, snapshot: { state: state(), status: now } });
    } else for (const event of missed) pass(event);
    for (const event of waiting) pass(event);
    waiting = undefined;
    send({ id, place: log.place, caughtUp: true });
  };
  const changeLogLevel = ({ id, level, component }: Extract<DaemonQuestion, { ask: "log-level" }>): void => {
    if (setLogLevel === undefined) {
      send({ id, error: "only an admin may change the log level" });
      return;
    }
    setLogLevel(level, component);
    send({ id, answer: { level, ...(component === undefined ? {} : { component }) } });
  };
  return {
    ask: (question) => {
      const { id } = question;
      switch (question.ask) {
        case "state":
          send({ id, answer: state() });
          break;
        case "watch":
          void watch(question);
          break;
        case "log-level":
          changeLogLevel(question);
          break;
        case "status":
          status.now().then(
            (answer) => send({ id, answer }),
            (error: unknown) => send({ id, error: messageOf(error) }),
          );
      }
    },
    [Symbol.dispose]: () => watches.dispose(),
  };
}
