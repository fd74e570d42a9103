import { createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AwgError } from "../../model/error.ts";
import {
  failureAnswer,
  type KeeperRequest,
  type KeeperStatus,
  MAX_REQUEST_BYTES,
  parseKeeperRequest,
  renderKeeperAnswer,
} from "../../model/keeper-protocol.ts";
import { readPeerCredentials } from "../../native/linux/process/unix-socket.ffi.ts";
import { type ExtractedSecrets, extractSecrets, wipeSecrets } from "../extract-secrets.ts";

const NEWLINE = 10;
/** A client that reads gets its answer, and closes its end, within milliseconds. */
const LEAVE_MS = 500;

/**
 * Executes requests, one at a time. A request's secrets are separate, with placeholders within, and are wiped after the
 * answer; copy them to keep them.
 */
export type Answerer = (request: KeeperRequest, secrets: ExtractedSecrets) => Promise<KeeperStatus>;

/** The uid of the peer of a connected unix socket. */
export type PeerUid = (fd: number) => number;

/** Runs tasks one after another, in the order of the calls. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs a task after all earlier ones, also those that failed; gives its result. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Resolves when all tasks so far are done. */
  get done(): Promise<unknown> {
    return this.#last;
  }
}

/** A listening keeper socket. */
export interface KeeperServer {
  /** Connections open now. */
  readonly clients: number;
  /**
   * Finishes the current request and accepts no more. Does not wait for clients that keep their end open, as stopped
   * ones do; server.close() of Node would.
   */
  close(): Promise<void>;
}

/**
 * Serves the keeper's protocol on a unix socket in a private folder. In addition, each connection's peer must be root
 * or this process's user.
 *
 * @param turns shared by successive sockets: requests of the previous socket are still being answered
 */
export async function serveKeeper(
  path: string,
  answer: Answerer,
  peerUid: PeerUid = (fd) => readPeerCredentials(fd).uid,
  turns = new Turns(),
): Promise<KeeperServer> {
  const sockets = new Set<Socket>();
  let isClosing = false;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (!isTrusted(socket, peerUid)) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    readRequests(socket, (line) => turns.take(() => reply(socket, line, answer, () => isClosing)));
  });
  await listen(server, path);
  return {
    get clients() {
      return sockets.size;
    },
    close: async () => {
      isClosing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await turns.done;
      for (const socket of sockets) socket.end();
      const leave = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, LEAVE_MS);
      await closed;
      clearTimeout(leave);
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new AwgError("host", `the keeper cannot listen on ${path}: ${cause.message}`, { cause }));
    });
    server.listen(path, resolve);
  });
}

/** Node has no API for peer credentials; the descriptor is in the socket's handle. */
function isTrusted(socket: Socket, peerUid: PeerUid): boolean {
  const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return false;
  const uid = peerUid(fd);
  return uid === 0 || uid === process.getuid?.();
}

/** Input is wiped as soon as it is split into lines, and a line as soon as it is answered: it may contain secrets. */
function readRequests(socket: Socket, take: (line: Buffer) => Promise<void>): void {
  let parts: Buffer[] = [];
  let length = 0;
  socket.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const line = lineOf([...parts, rest.subarray(0, end)]);
      parts = [];
      length = 0;
      rest = rest.subarray(end + 1);
      void take(line);
    }
    length += rest.length;
    if (rest.length > 0) parts.push(rest);
    if (length > MAX_REQUEST_BYTES) socket.destroy();
  });
}

function lineOf(parts: readonly Buffer[]): Buffer {
  const line = Buffer.concat(parts);
  for (const part of parts) part.fill(0);
  return line;
}

/**
 * A request of a disconnected client is not executed: the client reported it as failed, or another acts in its place.
 */
async function reply(socket: Socket, line: Buffer, answer: Answerer, isClosing: () => boolean): Promise<void> {
  await pendingSocketEvents();
  if (isClosing() || socket.readableEnded || socket.destroyed) {
    line.fill(0);
    return;
  }
  const secrets = extractSecrets(line);
  let text: string;
  try {
    const status = await answer(parseKeeperRequest(line.toString("utf8")), secrets);
    text = renderKeeperAnswer({ ok: true, status });
  } catch (error) {
    text = renderKeeperAnswer(failureAnswer(error));
  } finally {
    wipeSecrets(secrets);
  }
  if (socket.writable) socket.write(text);
}

/**
 * Waits for one more poll of the event loop: after a stop, a process reads a request before it sees that its sender has
 * gone.
 */
async function pendingSocketEvents(): Promise<void> {
  await nextTurn();
  await nextTurn();
}
