import { AwgError } from "../../model/error.ts";
import { timeLimit, type UnixExchange, type UnixExchanges } from "../unix-exchange.ts";
import { checkedCall, withSocket } from "./calls.ts";
import { LOCAL, SOCKET } from "./constants.ts";
import { darwinErrnoName, darwinError } from "./errno.ts";
import { LAYOUTS } from "./layouts.ts";
import type { LibSystem } from "./libsystem.ts";
import { readPeerUid } from "./peer-credentials.ts";
import { writeCharacters, writeNumber, writeNumber64 } from "./struct.codec.ts";

const ADDRESS = LAYOUTS.sockaddr_un;
const TIMEVAL = LAYOUTS.timeval;
const STREAM = { domain: LOCAL.AF_UNIX, type: LOCAL.SOCK_STREAM, protocol: 0 };
const CHUNK_BYTES = 256 * 1024;
const LIVE_TIMEOUT_MS = 1000;
const NO_LISTENER: ReadonlySet<string> = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR"]);

/** Unix sockets of a Mac, with blocking calls. Node ignores SIGPIPE, so a lost reader is an errno. */
export function darwinUnixExchanges(system: LibSystem): UnixExchanges {
  return {
    exchange: (exchange) => withSocket(system, STREAM, (fd) => ask(system, fd, exchange)),
    isLive: (path) => withSocket(system, STREAM, (fd) => listens(system, fd, path)),
    errnoName: darwinErrnoName,
  };
}

function ask(system: LibSystem, fd: number, exchange: UnixExchange): Uint8Array {
  prepare(system, fd, exchange.timeoutMs);
  checkedCall(`connecting to ${exchange.path}`, system.connect(fd, socketAddress(exchange.path)));
  exchange.checkPeer?.({ uid: readPeerUid(system, fd) });
  sendAll(system, fd, exchange);
  return receiveAnswer(system, fd, exchange);
}

function listens(system: LibSystem, fd: number, path: string): boolean {
  prepare(system, fd, LIVE_TIMEOUT_MS);
  const { value, errno } = system.connect(fd, socketAddress(path));
  if (value !== -1) return true;
  if (NO_LISTENER.has(darwinErrnoName(errno))) return false;
  throw darwinError(`connecting to ${path}`, errno);
}

function prepare(system: LibSystem, fd: number, timeoutMs: number): void {
  const action = "setting up a unix socket";
  checkedCall(action, system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
  const bound = new Uint8Array(TIMEVAL.size);
  writeNumber64(bound, 0, TIMEVAL.fields.tv_sec, BigInt(Math.trunc(timeoutMs / 1000)));
  writeNumber(bound, 0, TIMEVAL.fields.tv_usec, (timeoutMs % 1000) * 1000);
  for (const option of [LOCAL.SO_RCVTIMEO, LOCAL.SO_SNDTIMEO])
    checkedCall(action, system.setsockopt(fd, SOCKET.SOL_SOCKET, option, bound));
}

function sendAll(system: LibSystem, fd: number, { path, request }: UnixExchange): void {
  for (let sent = 0; sent < request.length; ) {
    const { value, errno } = system.write(fd, request.subarray(sent));
    if (value >= 0) sent += value;
    else failUnlessInterrupted(`sending to ${path}`, errno);
  }
}

function receiveAnswer(system: LibSystem, fd: number, exchange: UnixExchange): Uint8Array {
  const { path, terminator, maxAnswerBytes, timeoutMs } = exchange;
  const isOver = timeLimit(timeoutMs);
  const chunk = new Uint8Array(CHUNK_BYTES);
  let answer = Buffer.alloc(0);
  while (!answer.subarray(Math.max(0, answer.length - terminator.length)).equals(terminator)) {
    if (answer.length > maxAnswerBytes) {
      throw new AwgError("host", `the answer from ${path} is too long`);
    }
    // Data that arrived while this process was not running is still read.
    if (answer.length > 0 && isOver()) throw notInTime(`reading from ${path}`);
    const { value, errno } = system.read(fd, chunk);
    if (value === 0) {
      throw new AwgError("host", `the program behind ${path} closed the connection without an answer`, {
        facts: { errno: "ECONNRESET" },
      });
    }
    if (value > 0) answer = Buffer.concat([answer, chunk.subarray(0, value)]);
    else failUnlessInterrupted(`reading from ${path}`, errno);
  }
  return answer;
}

function failUnlessInterrupted(action: string, errno: number): void {
  const name = darwinErrnoName(errno);
  if (name === "EINTR") return;
  if (name !== "EAGAIN") throw darwinError(action, errno);
  throw notInTime(action);
}

function notInTime(action: string): AwgError {
  return new AwgError("host", `${action} failed: nothing came in time`, { facts: { errno: "EAGAIN" } });
}

/** struct sockaddr_un of full size; its path ends at the first NUL. */
function socketAddress(path: string): Uint8Array {
  const address = new Uint8Array(ADDRESS.size);
  const [, room] = ADDRESS.fields.sun_path;
  if (new TextEncoder().encode(path).length >= room) {
    throw new AwgError("host", `the socket path ${path} is too long: a unix socket takes ${room - 1} bytes`, {
      remedy: "set a shorter run folder",
    });
  }
  writeNumber(address, 0, ADDRESS.fields.sun_len, ADDRESS.size);
  writeNumber(address, 0, ADDRESS.fields.sun_family, LOCAL.AF_UNIX);
  writeCharacters(address, 0, ADDRESS.fields.sun_path, path);
  return address;
}
