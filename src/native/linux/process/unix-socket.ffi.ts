import { AwgError } from "../../../model/error.ts";
import { readI32, readU32 } from "../attribute.codec.ts";
import { errnoError, errnoName } from "../errno.ts";
import { addressOf, callLibc, checkedLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
/** Room for the groups of a peer at first; the kernel says when it needs more. */
const USUAL_GROUPS = 64;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_CTRUNC = 0x8;
const CMSG_HEADER_BYTES = 16;
const MESSAGE_HEADER_BYTES = 56;
const POLLIN = 1;
const POLLOUT = 4;
/** The kernel's limit per message is SCM_MAX_FD, 253; awg sends a few. */
const MOST_DESCRIPTORS = 16;

/** The peer of a unix socket, as recorded when the connection was made. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The credentials of a connected unix socket's peer. */
export function readPeerCredentials(fd: number): PeerCredentials {
  const bytes = new Uint8Array(12);
  const action = "reading the credentials of a socket's peer";
  checkedLibc(action, "getsockopt", fd, SOL_SOCKET, SO_PEERCRED, bytes, Uint8Array.of(12, 0, 0, 0));
  return { pid: readI32(bytes, 0), uid: readU32(bytes, 4), gid: readU32(bytes, 8) };
}

/** The supplementary groups of a connected unix socket's peer (SO_PEERGROUPS of asm-generic/socket.h, Linux 4.13). */
export function readPeerGroups(fd: number): readonly number[] {
  for (let room = 4 * USUAL_GROUPS; ; ) {
    const bytes = new Uint8Array(room);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, room, true);
    const result = callLibc("getsockopt", fd, SOL_SOCKET, SO_PEERGROUPS, bytes, length);
    const needed = readU32(length, 0);
    if (result === 0) return Array.from({ length: needed / 4 }, (_, index) => readU32(bytes, 4 * index));
    const errno = lastErrno();
    // Memory for the most groups, NGROUPS_MAX, would be 256 KB for each client.
    if (errnoName(errno) !== "ERANGE" || needed <= room)
      throw errnoError("reading the groups of a socket's peer", errno);
    room = needed;
  }
}

/** Two connected unix stream sockets, closed on exec, for a child about to be started. */
export function makeSocketPair(): readonly [number, number] {
  const pair = new Uint8Array(8);
  checkedLibc("opening a pair of sockets", "socketpair", AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair);
  return [readI32(pair, 0), readI32(pair, 4)];
}

/**
 * Sends bytes over a connected unix socket, with copies of open descriptors. Waits up to `timeoutMs` while the socket
 * is full. Descriptors need at least one byte of data.
 *
 * @throws AwgError("host") when the peer is gone or does not read.
 */
export function sendDescriptors(fd: number, data: Uint8Array, descriptors: readonly number[], timeoutMs: number): void {
  if (data.length === 0 || descriptors.length > MOST_DESCRIPTORS) {
    throw new AwgError("bug", `${data.length} bytes with ${descriptors.length} descriptors cannot go in one message`);
  }
  const action = "sending descriptors to another process";
  const control = controlMessage(descriptors);
  let sent = 0;
  while (sent < data.length) {
    const part = { data: data.subarray(sent), control: sent === 0 ? control : new Uint8Array() };
    const wrote = callWithMessage("sendmsg", { fd, ...part, flags: MSG_NOSIGNAL });
    if (wrote >= 0) sent += wrote;
    else waitOrThrow(fd, POLLOUT, timeoutMs, action);
  }
}

/** Bytes received over a unix socket, and the descriptors with them (now this process's, closed on exec). */
export interface ReceivedDescriptors {
  /** Empty when the peer closed. */
  readonly data: Uint8Array;
  readonly descriptors: readonly number[];
}

/**
 * Waits up to `timeoutMs` for bytes, at most `most` of them, and their descriptors.
 *
 * @throws AwgError("host") when nothing arrived in time, or more descriptors than awg ever sends.
 */
export function receiveDescriptors(fd: number, most: number, timeoutMs: number): ReceivedDescriptors {
  const action = "waiting for descriptors from another process";
  const data = new Uint8Array(most);
  const control = new Uint8Array(CMSG_HEADER_BYTES + 4 * MOST_DESCRIPTORS);
  while (true) {
    const got = callWithMessage("recvmsg", { fd, data, control, flags: MSG_CMSG_CLOEXEC });
    if (got === -1) {
      waitOrThrow(fd, POLLIN, timeoutMs, action);
      continue;
    }
    const descriptors = readControl(control.subarray(0, readU32(header, 40)));
    if ((readU32(header, 48) & MSG_CTRUNC) !== 0) {
      for (const descriptor of descriptors) closeDescriptor(descriptor);
      throw new AwgError("host", `${action} failed: more than ${MOST_DESCRIPTORS} arrived`);
    }
    return { data: data.slice(0, got), descriptors };
  }
}

/** Moves a descriptor to other numbers and closes what had them. */
export function moveDescriptor(from: number, ...to: readonly number[]): void {
  for (const number of to) checkedLibc("moving a descriptor", "dup2", from, number);
  closeDescriptor(from);
}

function waitOrThrow(fd: number, events: number, timeoutMs: number, action: string): void {
  const errno = lastErrno();
  if (errnoName(errno) === "EINTR") return;
  if (errnoName(errno) !== "EAGAIN") throw errnoError(action, errno);
  const waiting = new Uint8Array(8);
  const view = new DataView(waiting.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  if (callLibc("poll", waiting, 1, timeoutMs) === 0) throw errnoError(action, 110);
}

/** The structures of the current call: they hold addresses, so their targets must stay until it returns. */
const header = new Uint8Array(MESSAGE_HEADER_BYTES);
const vector = new Uint8Array(16);
/** Read by the kernel only, through the addresses above. */
const inFlight: Uint8Array[] = [];

/** Calls sendmsg or recvmsg with one iovec (struct msghdr of 64-bit Linux); returns its result, -1 with errno set. */
function callWithMessage(
  call: "sendmsg" | "recvmsg",
  { fd, data, control, flags }: { fd: number; data: Uint8Array; control: Uint8Array; flags: number },
): number {
  inFlight.splice(0, inFlight.length, data, control);
  const vectorView = new DataView(vector.buffer);
  vectorView.setBigUint64(0, addressOf(data), true);
  vectorView.setBigUint64(8, BigInt(data.length), true);
  const view = new DataView(header.buffer);
  header.fill(0);
  view.setBigUint64(16, addressOf(vector), true);
  view.setBigUint64(24, 1n, true);
  if (control.length > 0) {
    view.setBigUint64(32, addressOf(control), true);
    view.setBigUint64(40, BigInt(control.length), true);
  }
  return callLibc(call, fd, header, flags);
}

/** struct cmsghdr: length (8), level (4), type (4), then the descriptors, padded to 8. */
function controlMessage(descriptors: readonly number[]): Uint8Array {
  if (descriptors.length === 0) return new Uint8Array();
  const length = CMSG_HEADER_BYTES + 4 * descriptors.length;
  const bytes = new Uint8Array((length + 7) & ~7);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  for (const [index, descriptor] of descriptors.entries())
    view.setInt32(CMSG_HEADER_BYTES + 4 * index, descriptor, true);
  return bytes;
}

function readControl(bytes: Uint8Array): number[] {
  if (bytes.length < CMSG_HEADER_BYTES) return [];
  const length = Math.min(readU32(bytes, 0), bytes.length);
  if (readI32(bytes, 8) !== SOL_SOCKET || readI32(bytes, 12) !== SCM_RIGHTS) return [];
  const found: number[] = [];
  for (let at = CMSG_HEADER_BYTES; at + 4 <= length; at += 4) found.push(readI32(bytes, at));
  return found;
}
