import { createServer, type Server, type Socket } from "node:net";
import {
  type DaemonLine,
  type DaemonQuestion,
  HEARTBEAT_MS,
  MAX_QUESTION_BYTES,
  parseQuestion,
  renderLine,
} from "../../api/daemon-lines.ts";
import type { SocketPeer } from "../../api/role.ts";
import { messageOf } from "../../model/error.ts";
import { Allowance } from "./allowance.ts";

/** Connections of one user at a time; root has more. */
const PLACES = { user: 32, root: 128 } as const;
/** Bytes that a client may leave unread. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** A client asks something within this time, or watches. */
const SILENT_MS = 2_000;
/** A client that asks too much is not read for this time. */
const REST_MS = 50;
/** A refused client is closed unread after this time, so that a loop of it costs less; so many wait at a time. */
const REFUSED = { ms: 250, places: 256 } as const;

/** Answers the questions of one connection. */
export interface Conversation extends Disposable {
  /** Writes its lines by the `send` that it was made with. */
  ask(question: DaemonQuestion): void;
}

export interface LineServerOptions {
  readonly path: string;
  /** The peer of a connected socket's descriptor if it may ask, else undefined. */
  readonly admit: (fd: number) => SocketPeer | undefined;
  readonly converse: (send: (line: DaemonLine) => void, peer: SocketPeer) => Conversation;
}

/**
 * Serves the lines of the daemon on a unix socket. A client is refused before its first byte is read. It is cut when it
 * leaves its answers unread, sends too long a question, or holds a connection without a question. The questions of a user
 * who asks too many of them wait.
 */
export async function serveLines({ path, admit, converse }: LineServerOptions): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const places = new Map<number, number>();
  const allowances = new Map<number, Allowance>();
  const refused = new Set<Socket>();
  const refuse = (socket: Socket): void => {
    if (refused.size >= REFUSED.places) {
      socket.destroy();
      return;
    }
    refused.add(socket);
    const end = setTimeout(() => socket.destroy(), REFUSED.ms);
    socket.once("close", () => {
      clearTimeout(end);
      refused.delete(socket);
    });
  };
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    const peer = peerOf(socket, admit);
    const taken = peer === undefined ? 0 : (places.get(peer.uid) ?? 0);
    if (peer === undefined || taken >= (peer.uid === 0 ? PLACES.root : PLACES.user)) {
      refuse(socket);
      return;
    }
    places.set(peer.uid, taken + 1);
    const allowance = allowances.get(peer.uid) ?? new Allowance(peer.uid, () => performance.now());
    allowances.set(peer.uid, allowance);
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      const left = (places.get(peer.uid) ?? 1) - 1;
      if (left === 0) places.delete(peer.uid);
      else places.set(peer.uid, left);
    });
    hold(socket, allowance, (send) => converse(send, peer));
  });
  await listen(server, path);
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of [...sockets, ...refused]) socket.destroy();
      await closed;
    },
  };
}

function peerOf(socket: Socket, admit: LineServerOptions["admit"]): SocketPeer | undefined {
  // Node has no API for peer credentials; the descriptor is in the socket's handle.
  const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  try {
    return admit(fd);
  } catch {
    return undefined;
  }
}

function hold(
  socket: Socket,
  allowance: Allowance,
  converse: (send: (line: DaemonLine) => void) => Conversation,
): void {
  const send = (line: DaemonLine): void => {
    if (!socket.writable) return;
    socket.write(renderLine(line));
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
  };
  const conversation = converse(send);
  socket.once("close", () => conversation[Symbol.dispose]());
  let watch: number | undefined;
  const beat = setInterval(() => {
    if (watch !== undefined) send({ id: watch, heartbeat: true });
  }, HEARTBEAT_MS);
  socket.once("close", () => clearInterval(beat));
  socket.setTimeout(SILENT_MS, () => {
    if (watch === undefined) socket.destroy();
  });
  readLines(socket, allowance, (text) => {
    try {
      const question = parseQuestion(text);
      if (question.ask === "watch") watch = question.id;
      conversation.ask(question);
    } catch (error) {
      send({ id: 0, error: messageOf(error) });
    }
  });
  socket.resume();
}

function readLines(socket: Socket, allowance: Allowance, take: (line: string) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  let resting: NodeJS.Timeout | undefined;
  const work = (): void => {
    resting = undefined;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      if (socket.destroyed) return;
      if (!allowance.take()) {
        socket.pause();
        resting = setTimeout(work, REST_MS);
        return;
      }
      const line = rest.subarray(0, end).toString("utf8");
      rest = rest.subarray(end + 1);
      take(line);
    }
    if (rest.length > MAX_QUESTION_BYTES) socket.destroy();
    else socket.resume();
  };
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (resting === undefined) work();
  });
  socket.once("close", () => clearTimeout(resting));
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}
