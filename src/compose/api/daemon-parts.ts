import { type DaemonEvent, type DaemonLine, type DaemonQuestion, FROM_THE_OLDEST } from "../../api/daemon-lines.ts";
import type { HostOptions } from "../../app/host-options.ts";
import { DaemonFeed } from "../../http/daemon-feed.ts";
import type { ApiParts, LogLine } from "../../http/router.ts";
import { AwgError } from "../../model/error.ts";
import { readPeerCredentials } from "../../native/linux/process/unix-socket.ffi.ts";
import type { DaemonState } from "../../state/daemon/daemon-state.ts";
import { askDaemonOf, demandDaemonSocket } from "../ask-daemon.ts";
import { pathsFor } from "../paths.ts";
import { DaemonConnection } from "./daemon-connection.ts";

/** A line of the daemon's log for one of its events. */
export type EventText = (event: DaemonEvent) => string;

/** What the routes can answer from the daemon's socket alone. */
export function daemonParts(host: HostOptions, textOf: EventText): ApiParts {
  const ask = (question: DaemonQuestion, signal?: AbortSignal): AsyncIterable<DaemonLine> =>
    askDaemonOf(host, question, signal);
  const connection = connectionTo(host);
  const askShort = async (question: "status" | "state"): Promise<unknown> => {
    demandDaemonSocket(host.host);
    return connection.ask(question);
  };
  return {
    feed: new DaemonFeed(ask),
    status: () => askShort("status"),
    state: () => askShort("state"),
    readLog: (follow, signal) => readLog(ask({ id: 1, ask: "watch", after: FROM_THE_OLDEST }, signal), follow, textOf),
  };
}

async function* readLog(lines: AsyncIterable<DaemonLine>, follow: boolean, textOf: EventText): AsyncGenerator<LogLine> {
  for await (const line of lines) {
    if ("error" in line) throw new AwgError("unreachable", line.error);
    if ("caughtUp" in line && !follow) return;
    if (!("event" in line) || line.event.type === "status") continue;
    const { event } = line;
    yield { time: event.at, type: event.type, text: textOf(event), event: { ...event } };
  }
}

/** The config files that the daemon follows. AwgError unreachable when none answers. */
export async function readDaemonFiles(host: HostOptions): Promise<readonly string[]> {
  demandDaemonSocket(host.host);
  const state = (await connectionTo(host).ask("state")) as DaemonState;
  return state.files ?? [];
}

function connectionTo({ stateDir, runDir }: HostOptions): DaemonConnection {
  return new DaemonConnection(pathsFor(stateDir, runDir).daemonSocket, (fd) => readPeerCredentials(fd).uid);
}
