import type { DaemonEvent, DaemonLine } from "../api/daemon-lines.ts";
import { AwgError } from "../model/error.ts";
import type { LogLine } from "./router.ts";

/**
 * The lines of the daemon's log, from the events that it reports; with `follow` also those to come.
 *
 * @throws AwgError unreachable with what the daemon reports
 */
export async function* logLines(
  lines: AsyncIterable<DaemonLine>,
  follow: boolean,
  textOf: (event: DaemonEvent) => string,
): AsyncGenerator<LogLine> {
  for await (const line of lines) {
    if ("error" in line) throw new AwgError("unreachable", line.error);
    if ("caughtUp" in line && !follow) return;
    if (!("event" in line) || line.event.type === "status") continue;
    const { event } = line;
    yield { time: event.at, type: event.type, text: textOf(event), event: { ...event } };
  }
}
