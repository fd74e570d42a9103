import { AwgError } from "../../../model/error.ts";
import { timeLimit, type UnixExchange } from "../../unix-exchange.ts";
import { errnoError, errnoName, hasErrno } from "../errno.ts";
import { callLibc, checkedLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";
import { type PeerCredentials, readPeerCredentials } from "./unix-socket.ffi.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO = { receiveTimeout: 20, sendTimeout: 21 } as const;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const PATH_BYTES = 108;
const ETIMEDOUT = 110;
/** Enough for most replies; the buffer is doubled for longer ones. */
const CHUNK_BYTES = 16 * 1024;

/** How long `receiveLater` blocks for a prompt reply, and how often it looks for a later one. */
const PROMPT_MS = 5;
const LOOK_MS = 5;

/** A request that was sent; several can be pending at once. */
export interface PendingExchange extends Disposable {
  /**
   * Waits for the whole reply up to `timeoutMs`, or twice that while bytes keep arriving. AwgError as of
   * `exchangeOverUnixSocket`. After ETIMEDOUT it may be called again; received bytes are kept.
   */
  receive(timeoutMs?: number): Uint8Array;
  /** The same without blocking this process for more than a few milliseconds. */
  receiveLater(timeoutMs?: number): Promise<Uint8Array>;
}

/**
 * Connects to a unix socket, sends a request and reads the reply synchronously: loading node:net costs 8 ms, a local
 * exchange less than one.
 *
 * @throws AwgError: `facts.errno` is ENOENT or ECONNREFUSED without a listener, ETIMEDOUT when the reply is not
 * complete in time; ("host") for a truncated reply.
 */
export function exchangeOverUnixSocket(exchange: UnixExchange): Uint8Array {
  using asked = beginUnixExchange(exchange);
  return asked.receive();
}

/** The first half of `exchangeOverUnixSocket`: connects and sends. */
export function beginUnixExchange(exchange: UnixExchange): PendingExchange {
  const fd = checkedLibc("opening a unix socket", "socket", AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  try {
    setTimeouts(fd, exchange.timeoutMs);
    connect(fd, exchange.path);
    exchange.checkPeer?.(readPeerCredentials(fd));
    sendAll(fd, exchange);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  const answer = { bytes: new Uint8Array(CHUNK_BYTES), length: 0 };
  const receive = (timeoutMs = exchange.timeoutMs): Uint8Array => {
    setTimeouts(fd, timeoutMs);
    return receiveAnswer(fd, answer, { ...exchange, timeoutMs });
  };
  return {
    receive,
    receiveLater: (timeoutMs = exchange.timeoutMs) => receiveLater(receive, timeoutMs),
    [Symbol.dispose]: () => closeDescriptor(fd),
  };
}

async function receiveLater(receive: (timeoutMs: number) => Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  const isOver = timeLimit(timeoutMs);
  for (let waitMs = Math.min(PROMPT_MS, timeoutMs); ; waitMs = 1) {
    const isLast = isOver();
    try {
      return receive(waitMs);
    } catch (error) {
      if (isLast || !hasErrno(error, "ETIMEDOUT")) throw error;
    }
    // Loaded here, because a verb needs no timers if its engines answer at once.
    await (await import("node:timers/promises")).setTimeout(LOOK_MS);
  }
}

/** Whether a program listens on a unix socket. */
export function isUnixSocketLive(path: string): boolean {
  return unixListener(path) !== undefined;
}

/** The result for a listener with a full queue (connect(2), EAGAIN). */
const UNKNOWN_LISTENER: PeerCredentials = { pid: 0, uid: -1, gid: -1 };

/**
 * The process that opened a listening unix socket, which another may have inherited; undefined without a listener. Its
 * pid is 0 when another pid namespace hides it (socket(7), SO_PEERCRED), and its uid -1 when the queue is full.
 */
export function unixListener(path: string, longestMs = 1000): PeerCredentials | undefined {
  const fd = checkedLibc("opening a unix socket", "socket", AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  try {
    setTimeouts(fd, longestMs);
    connect(fd, path);
    return readPeerCredentials(fd);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ECONNREFUSED", "ENOTDIR")) return undefined;
    if (hasErrno(error, "EAGAIN")) return UNKNOWN_LISTENER;
    throw error;
  } finally {
    closeDescriptor(fd);
  }
}

/**
 * Opens a listening unix socket for a child to inherit; its file must not exist. The umask decides who may connect.
 *
 * @param backlog how many connections may wait; net.core.somaxconn limits it
 * @throws AwgError: `facts.errno` is EADDRINUSE when the file exists.
 */
export function listenOnUnixSocket(path: string, backlog = 16): number {
  const fd = checkedLibc("opening a unix socket", "socket", AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  try {
    const address = socketAddress(path);
    checkedLibc(`binding a unix socket to ${path}`, "bind", fd, address, address.length);
    checkedLibc(`listening on ${path}`, "listen", fd, backlog);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function setTimeouts(fd: number, timeoutMs: number): void {
  const timeval = new Uint8Array(16);
  const view = new DataView(timeval.buffer);
  view.setBigInt64(0, BigInt(Math.trunc(timeoutMs / 1000)), true);
  view.setBigInt64(8, BigInt(timeoutMs % 1000) * 1000n, true);
  for (const option of [SO.receiveTimeout, SO.sendTimeout]) {
    checkedLibc("bounding the wait on a socket", "setsockopt", fd, SOL_SOCKET, option, timeval, timeval.length);
  }
}

function connect(fd: number, path: string): void {
  const address = socketAddress(path);
  while (callLibc("connect", fd, address, address.length) === -1) {
    const errno = lastErrno();
    if (errnoName(errno) !== "EINTR") throw errnoError(`connecting to ${path}`, errno);
  }
}

function sendAll(fd: number, { path, request }: UnixExchange): void {
  for (let sent = 0; sent < request.length; ) {
    const rest = request.subarray(sent);
    const count = callLibc("sendto", fd, rest, rest.length, MSG_NOSIGNAL, null, 0);
    if (count >= 0) sent += count;
    else failUnlessInterrupted(`sending to ${path}`);
  }
}

/** The part of a reply received so far. */
interface PartialAnswer {
  bytes: Uint8Array<ArrayBuffer>;
  length: number;
}

function receiveAnswer(
  fd: number,
  answer: PartialAnswer,
  { path, terminator, maxAnswerBytes, timeoutMs }: UnixExchange,
): Uint8Array {
  const isOver = timeLimit(timeoutMs);
  while (!endsWith(answer.bytes.subarray(0, answer.length), terminator)) {
    if (answer.length > maxAnswerBytes) throw new AwgError("host", `the answer from ${path} is too long`);
    if (answer.length === answer.bytes.length) answer.bytes = grown(answer.bytes);
    const free = answer.bytes.subarray(answer.length);
    // Data that arrived while this process was not running is still read; only the waiting ends.
    const count = callLibc("recvfrom", fd, free, free.length, isOver() ? MSG_DONTWAIT : 0, null, null);
    if (count === 0) {
      throw new AwgError("host", `the program behind ${path} closed the connection without an answer`, {
        facts: { errno: "ECONNRESET" },
      });
    }
    if (count > 0) answer.length += count;
    else failUnlessInterrupted(`reading from ${path}`);
  }
  return answer.bytes.subarray(0, answer.length);
}

function failUnlessInterrupted(action: string): void {
  const errno = lastErrno();
  const name = errnoName(errno);
  if (name === "EINTR") return;
  if (name === "EAGAIN") throw errnoError(action, ETIMEDOUT);
  throw errnoError(action, errno);
}

function grown(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}

function endsWith(bytes: Uint8Array, ending: Uint8Array): boolean {
  const start = bytes.length - ending.length;
  return start >= 0 && ending.every((byte, index) => bytes[start + index] === byte);
}

/** struct sockaddr_un: the family and the path with its closing zero (unix(7)). */
function socketAddress(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length >= PATH_BYTES) {
    throw new AwgError("host", `the socket path ${path} is too long: a unix socket takes ${PATH_BYTES - 1} bytes`, {
      remedy: "set a shorter run folder",
    });
  }
  const address = new Uint8Array(2 + bytes.length + 1);
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  return address;
}
