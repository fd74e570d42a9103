import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { DaemonLine, DaemonQuestion } from "../api/daemon-lines.ts";
import { AwgError } from "../model/error.ts";

/** Watches send a heartbeat every 5 seconds. */
const SILENT_MS = 15_000;
/** To a user without a role: the kernel does not let it connect, or the daemon closes the connection. */
export const REFUSED = "the daemon answers root and members of group awg or awg-viewer only";

export interface DaemonPlaceOptions {
  readonly path: string;
  /** The uid of the process that listens on a connected socket's descriptor. */
  readonly listenerUid: (fd: number) => number;
  /** Ends the connection. */
  readonly signal?: AbortSignal;
}

/**
 * Asks the daemon one question and yields its lines until the connection ends.
 *
 * @throws AwgError unreachable when no daemon answers, permission when it refuses this user
 */
export async function* askDaemon(question: DaemonQuestion, options: DaemonPlaceOptions): AsyncGenerator<DaemonLine> {
  const socket = await open(options);
  let isAnswered = false;
  let lost: unknown;
  try {
    socket.on("error", (cause) => {
      lost = cause;
    });
    socket.write(`${JSON.stringify(question)}\n`);
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
    // A destroyed socket has no end, for which the lines would wait.
    socket.once("close", () => lines.close());
    for await (const text of lines) {
      isAnswered = true;
      yield JSON.parse(text) as DaemonLine;
    }
  } catch (cause) {
    lost = cause;
  } finally {
    socket.destroy();
  }
  if (options.signal?.aborted === true) return;
  if (isAnswered) throw unreachable("the daemon ended the connection", lost);
  throw refused(lost);
}

async function open({ path, listenerUid, signal }: DaemonPlaceOptions): Promise<Socket> {
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (cause: NodeJS.ErrnoException) =>
      reject(cause.code === "EACCES" ? refused(cause) : unreachable(`no daemon answers on ${path}`, cause)),
    );
  });
  const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd ?? -1;
  if (listenerUid(fd) !== 0) {
    socket.destroy();
    throw new AwgError("permission", `the program that listens on ${path} does not run as root`, {
      remedy: "find out which program it is: ss -xlp",
    });
  }
  socket.on("error", () => socket.destroy());
  socket.setTimeout(SILENT_MS, () => socket.destroy());
  signal?.addEventListener("abort", () => socket.destroy(), { once: true });
  if (signal?.aborted === true) socket.destroy();
  return socket;
}

function refused(cause: unknown): AwgError {
  return new AwgError("permission", REFUSED, { cause, remedy: "run it with sudo" });
}

function unreachable(message: string, cause?: unknown): AwgError {
  return new AwgError("unreachable", message, { cause, remedy: "start it: awg service start, or awg daemon -f FILE" });
}
