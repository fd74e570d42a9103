import { addressToBytes } from "../address.codec.ts";
import { errnoError, errnoName } from "../errno.ts";
import { callLibc, checkedLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from "./socket-address.codec.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_RAW = 3;
const CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const IPPROTO_TCP = 6;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_BINDTODEVICE = 25;
const POLLOUT = 4;

/** The probed address, and the device to use; without one the host's routes decide. */
interface ProbedAddress {
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
  readonly device?: string;
}

/**
 * Starts a non-blocking TCP connection and returns its descriptor, which the caller closes.
 *
 * @throws AwgError where it fails at once: no route, no such device, a policy that refuses
 */
export function openConnection(to: ProbedAddress): number {
  return opened(to, SOCK_STREAM, IPPROTO_TCP, (fd) => {
    const { bytes, length } = socketAddress(to);
    if (callLibc("connect", fd, bytes, length) === 0) return;
    const errno = lastErrno();
    if (errnoName(errno) !== "EINPROGRESS") throw errnoError("connecting", errno);
  });
}

/** Whether the connection is established. @throws AwgError when it failed */
export function isConnected(fd: number): boolean {
  const poll = new Uint8Array(8);
  const view = new DataView(poll.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLOUT, true);
  if (checkedLibc("waiting for a connection", "poll", poll, 1, 0) === 0) return false;
  const error = new Uint8Array(4);
  const length = new Uint8Array(Uint32Array.of(4).buffer);
  checkedLibc("reading the state of a connection", "getsockopt", fd, SOL_SOCKET, SO_ERROR, error, length);
  const errno = new DataView(error.buffer).getInt32(0, true);
  if (errno !== 0) throw errnoError("connecting", errno);
  return true;
}

/**
 * A raw socket for echo requests (RFC 792, RFC 4443 section 4.1), connected so that it receives only from the probed
 * address.
 */
export function openEchoSocket(to: ProbedAddress): number {
  const protocol = isIpv4(to.address) ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  return opened(to, SOCK_RAW, protocol, (fd) => {
    const { bytes, length } = socketAddress({ ...to, port: 0 });
    checkedLibc("reaching the target", "connect", fd, bytes, length);
  });
}

/** Sends on a connected socket. @throws AwgError where the host refuses */
export function sendOn(fd: number, bytes: Uint8Array): void {
  checkedLibc("sending", "sendto", fd, bytes, bytes.length, 0, null, 0);
}

/** The next received packet; undefined when there is none. */
export function receiveOn(fd: number): Uint8Array | undefined {
  const bytes = new Uint8Array(2048);
  const length = callLibc("recvfrom", fd, bytes, bytes.length, 0, null, null);
  return length < 0 ? undefined : bytes.subarray(0, length);
}

function opened(to: ProbedAddress, type: number, protocol: number, begin: (fd: number) => void): number {
  const family = isIpv4(to.address) ? AF_INET : AF_INET6;
  const fd = checkedLibc("opening a socket", "socket", family, type | CLOEXEC_NONBLOCK, protocol);
  try {
    if (to.device !== undefined) {
      const name = new TextEncoder().encode(`${to.device}\0`);
      checkedLibc(`binding to ${to.device}`, "setsockopt", fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
    }
    begin(fd);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function socketAddress({ address, port }: ProbedAddress): { readonly bytes: Uint8Array; readonly length: number } {
  const bytes = new Uint8Array(SOCKET_ADDRESS_BYTES);
  const length = writeSocketAddress(new DataView(bytes.buffer), 0, {
    address: addressToBytes(address),
    port,
    scope: 0,
  });
  return { bytes, length };
}

function isIpv4(address: string): boolean {
  return !address.includes(":");
}
