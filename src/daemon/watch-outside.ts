import type { NetworkEvent, NetworkEvents } from "../host/ports/network-events.ts";
import type { ChangeMaker } from "./reconcile-loop.ts";
import { type ClockReading, watchClocks } from "./watch/clock-watch.ts";
import type { RulesetWatchdog } from "./watch/ruleset-watchdog.ts";
import { writerKind, writerText } from "./writer-text.ts";

/** Something happened that concerns the engines of `devices`, or any where absent. */
export type Wake = (what: string, by?: ChangeMaker, devices?: readonly string[]) => void;

/** Where the daemon learns that something outside of it happened. */
export interface OutsideEvents {
  /** Reports changes that others make to the host; `own` are the events of a host that lives in this process. */
  readonly watchNetwork: (own: NetworkEvents | undefined, onEvent: (event: NetworkEvent) => void) => AsyncDisposable;
  readonly readClocks: () => ClockReading;
}

export interface Outside {
  readonly events: NetworkEvents | undefined;
  readonly wake: Wake;
  readonly guard: RulesetWatchdog;
  /** The host's addresses changed, or it slept. */
  readonly onOtherNetwork: () => void;
  readonly onRoutes: () => void;
  /** A person asked for another look. */
  readonly onHangUp: () => void;
}

/** Everything that makes the loop look again. */
export function watchOutside(
  outside: OutsideEvents,
  { events, wake, guard, onOtherNetwork, onRoutes, onHangUp: onAsked }: Outside,
): AsyncDisposable {
  const watches = new AsyncDisposableStack();
  watches.use(
    outside.watchNetwork(events, (event) => {
      const { what, by, isOurs = false, renumbered, devices } = event;
      guard.note(event);
      const maker = by === undefined ? undefined : { kind: writerKind(by), text: writerText(by), isRival: isOurs };
      wake(what, maker, devices);
      if (renumbered) onOtherNetwork();
      else if (what === "routes" || what === "default route") onRoutes();
    }),
  );
  const onHangUp = (): void => {
    wake("SIGHUP");
    onAsked();
  };
  process.on("SIGHUP", onHangUp);
  watches.defer(() => void process.off("SIGHUP", onHangUp));
  watches.use(
    watchClocks(outside.readClocks, (what) => {
      wake(what);
      onOtherNetwork();
    }),
  );
  return watches;
}
