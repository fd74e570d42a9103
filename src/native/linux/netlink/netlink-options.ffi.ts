import { readI32, readU32 } from "../attribute.codec.ts";
import { callLibc, checkedLibc } from "../libc.ffi.ts";

const AF_NETLINK = 16;
const SOL_SOCKET = 1;
const SOL_NETLINK = 270;
const SO = {
  sendBuffer: 7,
  receiveBuffer: 8,
  receiveTimeout: 20,
  sendBufferForce: 32,
  receiveBufferForce: 33,
} as const;
const NETLINK = { addMembership: 1, capAck: 10, extAck: 11, strictCheck: 12 } as const;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const WANTED_RECEIVE_BUFFER = 8 * 1024 * 1024;

/** Opens the descriptor of a netlink socket, not yet bound. */
export function makeNetlinkDescriptor(protocol: number): number {
  return checkedLibc("opening a netlink socket", "socket", AF_NETLINK, SOCK_RAW_CLOEXEC, protocol);
}

/**
 * Enables short extended ACKs and strict checks of dump requests, limits waiting, and sets a receive buffer of 8 MiB
 * where the kernel allows it (a user namespace gets no SO_RCVBUFFORCE and stays at net.core.rmem_max).
 */
export function setNetlinkOptions(fd: number, answerSeconds: number): void {
  for (const option of [NETLINK.capAck, NETLINK.extAck, NETLINK.strictCheck]) setNumber(fd, SOL_NETLINK, option, 1);
  if (!setNumber(fd, SOL_SOCKET, SO.receiveBufferForce, WANTED_RECEIVE_BUFFER)) {
    setNumber(fd, SOL_SOCKET, SO.receiveBuffer, WANTED_RECEIVE_BUFFER);
  }
  const timeout = new Uint8Array(16);
  timeout[0] = answerSeconds;
  callLibc("setsockopt", fd, SOL_SOCKET, SO.receiveTimeout, timeout, timeout.length);
}

/** Lets the kernel choose the socket's port id and returns it. */
export function bindNetlink(fd: number): number {
  const address = new Uint8Array(12);
  address[0] = AF_NETLINK;
  checkedLibc("binding a netlink socket", "bind", fd, address, address.length);
  checkedLibc("naming a netlink socket", "getsockname", fd, address, Uint8Array.of(12, 0, 0, 0));
  return readU32(address, 4);
}

/** Joins one multicast group. */
export function joinNetlinkGroup(fd: number, group: number): void {
  const value = numberBytes(group);
  checkedLibc(`listening to netlink group ${group}`, "setsockopt", fd, SOL_NETLINK, NETLINK.addMembership, value, 4);
}

/** The size of the receive buffer in bytes, including the kernel's overhead. */
export function receiveBufferBytes(fd: number): number {
  return readNumber(fd, SO.receiveBuffer);
}

/** Makes the send buffer large enough for one datagram of this size; the kernel refuses longer ones with EMSGSIZE. */
export function ensureSendBuffer(fd: number, bytes: number): void {
  const wanted = 2 * bytes + 4096;
  if (readNumber(fd, SO.sendBuffer) >= wanted || setNumber(fd, SOL_SOCKET, SO.sendBufferForce, wanted)) return;
  setNumber(fd, SOL_SOCKET, SO.sendBuffer, wanted);
}

function setNumber(fd: number, level: number, name: number, value: number): boolean {
  return callLibc("setsockopt", fd, level, name, numberBytes(value), 4) === 0;
}

function readNumber(fd: number, name: number): number {
  const bytes = new Uint8Array(4);
  checkedLibc("reading a socket option", "getsockopt", fd, SOL_SOCKET, name, bytes, Uint8Array.of(4, 0, 0, 0));
  return readI32(bytes);
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}
