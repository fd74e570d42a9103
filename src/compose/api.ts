import { type DaemonEvent, type DaemonLine, type DaemonQuestion, FROM_THE_OLDEST } from "../api/daemon-lines.ts";
import type { HostOptions } from "../app/host-options.ts";
import { DaemonConnection } from "../client/daemon-connection.ts";
import { DaemonFeed } from "../http/daemon-feed.ts";
import { logLines } from "../http/log-lines.ts";
import type { ApiParts } from "../http/router.ts";
import type { ApiOptions } from "../http/serving/serve-api.ts";
import type { GatewayOptions } from "../http/serving/serve-gateway.ts";
import type { UiOptions } from "../http/serving/serve-ui.ts";
import { AwgError } from "../model/error.ts";
import { readPeerCredentials } from "../native/linux/process/unix-socket.ffi.ts";
import type { DaemonState } from "../state/daemon/daemon-state.ts";
import { askDaemonOf, daemonSocketFor, demandDaemonSocket } from "./ask-daemon.ts";
import { pathsFor } from "./paths.ts";

/** The host whose daemon is asked. */
interface AskedHost {
  readonly host: HostOptions;
  /** A line of the daemon's log for one of its events. */
  readonly textOf: (event: DaemonEvent) => string;
}

/** Serves the API over HTTP on its unix socket until it should end. */
export async function serveApi({
  host,
  textOf,
  ...options
}: AskedHost & Omit<ApiOptions, "path" | "system" | "parts" | "daemonFiles">): Promise<void> {
  const { serveApi: serve } = await import("../http/serving/serve-api.ts");
  const { systemParts } = await import("./peers.ts");
  await serve({
    ...options,
    path: pathsFor(host.stateDir, host.runDir).apiSocket,
    system: await systemParts(options.group),
    parts: daemonParts(host, textOf),
    daemonFiles: () => readDaemonFiles(host),
  });
}

/** Serves status, events and metrics on loopback to holders of a token until it should end. */
export async function serveGateway({
  host,
  textOf,
  ...options
}: AskedHost & Omit<GatewayOptions, "parts">): Promise<void> {
  const { serveGateway: serve } = await import("../http/serving/serve-gateway.ts");
  await serve({ ...options, parts: daemonParts(host, textOf) });
}

/** Serves the dashboard to this user's browser until it should end. AwgError unsupported on other systems than Linux. */
export async function serveUi({
  host,
  textOf,
  ...options
}: AskedHost & Omit<UiOptions, "apiSocket" | "parts" | "ownerOf">): Promise<void> {
  if (process.platform !== "linux") {
    throw new AwgError("unsupported", "the dashboard works on Linux only in this version", {
      remedy: "use awg status",
    });
  }
  const { serveUi: serve } = await import("../http/serving/serve-ui.ts");
  const { linuxProcesses } = await import("../host/linux/processes/linux-processes.ts");
  const processes = linuxProcesses({ nowMs: () => performance.now() });
  await serve({
    ...options,
    apiSocket: pathsFor(host.stateDir, host.runDir).apiSocket,
    parts: daemonParts(host, textOf),
    ownerOf: (connection) => processes.ownerOf({ protocol: "tcp", ...connection })?.uid,
  });
}

/** What the routes can answer from the daemon's socket alone. */
function daemonParts(host: HostOptions, textOf: AskedHost["textOf"]): ApiParts {
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
    readLog: (follow, signal) => logLines(ask({ id: 1, ask: "watch", after: FROM_THE_OLDEST }, signal), follow, textOf),
  };
}

/** The config files that the daemon follows. AwgError unreachable when none answers. */
async function readDaemonFiles(host: HostOptions): Promise<readonly string[]> {
  demandDaemonSocket(host.host);
  const state = (await connectionTo(host).ask("state")) as DaemonState;
  return state.files ?? [];
}

function connectionTo(host: HostOptions): DaemonConnection {
  return new DaemonConnection(
    () => daemonSocketFor(host),
    (fd) => readPeerCredentials(fd).uid,
  );
}
