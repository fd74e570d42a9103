import { createServer, type Socket } from "node:net";
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
import { narrowSocket } from "./narrow-socket.ts";
import { listenOn, type SocketFile } from "./socket-file.ts";

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
  readonly sockets: readonly SocketFile[];
  /** The peer of a connected socket's descriptor if it may ask, else undefined. */
  readonly admit: (fd: number) => SocketPeer | undefined;
  readonly converse: (send: (line: DaemonLine) => void, peer: SocketPeer) => Conversation;
}

/**
 * Serves the lines of the daemon on unix sockets. A client is refused before its first byte is read. It is cut when it
 * leaves its answers unread, sends too long a question, or holds a connection without a question. The questions of a user
 * who asks too many of them wait.
 */
export async function serveLines({ sockets, admit, converse }: LineServerOptions): Promise<AsyncDisposable> {
  const connections = new Set<Socket>();
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
  const onConnection = (socket: Socket): void => {
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
    const held = hold(socket, allowance, (send) => converse(send, peer));
    connections.add(held);
    held.once("close", () => {
      connections.delete(held);
      const left = (places.get(peer.uid) ?? 1) - 1;
      if (left === 0) places.delete(peer.uid);
      else places.set(peer.uid, left);
    });
  };
  const servers = await Promise.all(
    sockets.map((socket) => listenOn(createServer({ pauseOnConnect: true }, onConnection), socket)),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const socket of [...connections, ...refused]) socket.destroy();
      await Promise.all(closed);
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

/** The connection that is read from now on. */
function hold(
  accepted: Socket,
  allowance: Allowance,
  converse: (send: (line: DaemonLine) => void) => Conversation,
): Socket {
  const send = (line: DaemonLine): void => {
    if (!socket.writable) return;
    socket.write(renderLine(line));
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
  };
  let watch: number | undefined;
  const lines = new LineReader(allowance, (text) => {
    try {
      const question = parseQuestion(text);
      if (question.ask === "watch") watch = question.id;
      conversation.ask(question);
    } catch (error) {
      send({ id: 0, error: messageOf(error) });
    }
  });
  const socket = narrowSocket(accepted, (bytes) => lines.read(bytes, socket));
  const conversation = converse(send);
  const beat = setInterval(() => {
    if (watch !== undefined) send({ id: watch, heartbeat: true });
  }, HEARTBEAT_MS);
  socket
    .on("error", () => socket.destroy())
    .once("close", () => {
      conversation[Symbol.dispose]();
      clearInterval(beat);
    })
    .setTimeout(SILENT_MS, () => {
      if (watch === undefined && !lines.isResting) socket.destroy();
    });
  return socket.resume();
}

/** Cuts what a client sends into lines, no faster than its user's allowance. */
class LineReader {
  readonly #allowance: Allowance;
  readonly #take: (line: string) => void;
  #rest: Buffer = Buffer.alloc(0);
  #resting = false;

  constructor(allowance: Allowance, take: (line: string) => void) {
    this.#allowance = allowance;
    this.#take = take;
  }

  /** Whether lines wait that were read. */
  get isResting(): boolean {
    return this.#resting;
  }

  /** Takes bytes, which it copies; false if the socket is not to be read until it is resumed. */
  read(bytes: Buffer, socket: Socket): boolean {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    return this.#work(socket);
  }

  #work(socket: Socket): boolean {
    for (let end = this.#rest.indexOf("\n"); end >= 0; end = this.#rest.indexOf("\n")) {
      if (socket.destroyed) return false;
      this.#resting = !this.#allowance.take();
      if (this.#resting) {
        setTimeout(() => this.#work(socket) && socket.resume(), REST_MS).unref();
        return false;
      }
      const line = this.#rest.toString("utf8", 0, end);
      this.#rest = this.#rest.subarray(end + 1);
      this.#take(line);
    }
    this.#resting = false;
    if (this.#rest.length <= MAX_QUESTION_BYTES) return true;
    setTimeout(() => socket.destroy(), REFUSED.ms).unref();
    return false;
  }
}
