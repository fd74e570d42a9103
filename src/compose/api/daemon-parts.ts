import type { DaemonLine, DaemonQuestion } from "../../api/daemon-lines.ts";
import type { HostOptions } from "../../app/host-options.ts";
import { DaemonFeed } from "../../http/daemon-feed.ts";
import type { ApiParts } from "../../http/router.ts";
import { AwgError } from "../../model/error.ts";
import { askDaemonOf } from "../daemon/ask-daemon.ts";

/** What the routes can answer from the daemon's socket alone. */
export function daemonParts(host: HostOptions): ApiParts {
  const ask = (question: DaemonQuestion, signal?: AbortSignal): AsyncIterable<DaemonLine> =>
    askDaemonOf(host, question, signal);
  return { feed: new DaemonFeed(ask), status: () => readStatus(ask) };
}

async function readStatus(ask: (question: DaemonQuestion) => AsyncIterable<DaemonLine>): Promise<unknown> {
  for await (const line of ask({ id: 1, ask: "status" })) {
    if ("answer" in line) return line.answer;
    if ("error" in line) throw new AwgError("unreachable", line.error);
  }
  throw new AwgError("unreachable", "the daemon did not answer");
}
