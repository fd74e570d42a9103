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
/** A client that reads has its answer, and its end of the connection closed, within milliseconds. */
const LEAVE_MS = 500;

/**
 * What answers requests; called for one request at a time. The secrets of a request stand beside it, as marks within, and
 * are wiped when it is answered: who needs them longer keeps a copy.
 */
export type Answerer = (request: KeeperRequest, secrets: ExtractedSecrets) => Promise<KeeperStatus>;

/** The uid at the other end of a connected unix socket. */
export type PeerUid = (fd: number) => number;

/** Does one thing after the other, in the order in which they are asked. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** When all that was asked until now is done. */
  get done(): Promise<unknown> {
    return this.#last;
  }
}

/** A listening keeper socket. */
export interface KeeperServer {
  /** Connections open now. */
  readonly clients: number;
  /**
   * Answers what it is at, and nothing more. A client that keeps its end open, as one that is stopped does, is not waited for:
   * server.close() of Node would.
   */
  close(): Promise<void>;
}

/**
 * Serves the keeper's protocol on a unix socket whose folder and umask keep others out; besides, each connection's
 * peer credentials must be root's or this process's own user's.
 *
 * @param turns shared by sockets that follow one another: whoever asked by the one before is still being answered
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

/** Node gives no peer credentials; the descriptor is behind the socket's handle. */
function isTrusted(socket: Socket, peerUid: PeerUid): boolean {
  const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return false;
  const uid = peerUid(fd);
  return uid === 0 || uid === process.getuid?.();
}

/** What was read is wiped as soon as it is a line, and a line as soon as it is answered: it may hold secrets. */
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

/** What was asked by somebody who has gone meanwhile is not done: they told it for failed, or another acts in their place. */
async function reply(socket: Socket, line: Buffer, answer: Answerer, isClosing: () => boolean): Promise<void> {
  await whatWasToldMeanwhile();
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

/** Until the event loop has asked the kernel once more: a process that was stopped reads a request before its sender's end. */
async function whatWasToldMeanwhile(): Promise<void> {
  await nextTurn();
  await nextTurn();
}
