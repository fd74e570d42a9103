import { errnoError, errnoName } from "../errno.ts";
import { callLibc, checkedLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";
import { withFilesystemUser } from "../process/credentials.ffi.ts";
import { readSocketAddress, SOCKET_ADDRESS_BYTES, writeSocketAddress } from "./socket-address.codec.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MARK = 36;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_DONT = 0;
const IPV6_RECVPKTINFO = 49;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;

export interface UdpSocketOptions {
  readonly family: 4 | 6;
  /** 0: the kernel chooses. */
  readonly port: number;
  /** Binds to this address (4 or 16 bytes); all addresses by default. */
  readonly address?: Uint8Array;
  /** SO_MARK; 0 or absent: none. */
  readonly mark?: number;
  /** The owner of the socket; this process's user by default. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Requested buffer size for bursts, in each direction. */
  readonly bufferBytes?: number;
  /** False: no segmentation on sending and no coalescing on receiving, even if the kernel supports it. */
  readonly offload?: boolean;
}

/** An open non-blocking UDP socket. */
export interface UdpSocket extends Disposable {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly port: number;
  /** Whether one message may carry many datagrams of equal size (UDP_SEGMENT, Linux 4.18). */
  readonly segments: boolean;
  /** Whether received datagrams of one flow are joined (UDP_GRO, Linux 5.0). */
  readonly coalesces: boolean;
  setMark(mark: number): void;
}

/**
 * Opens and binds a UDP socket in the current network namespace.
 *
 * @throws AwgError("unsupported") when the host lacks the family, ("permission") for a mark or user that this process
 * may not set, ("host") when the port is in use (`facts.errno` EADDRINUSE).
 */
export function openUdpSocket(options: UdpSocketOptions): UdpSocket {
  const { family, user, offload = true } = options;
  const what = `a UDP socket for IPv${family}`;
  const make = () =>
    checkedLibc(`making ${what}`, "socket", family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0);
  const fd = user === undefined ? make() : withFilesystemUser(user.uid, user.gid, make);
  try {
    const mark = (value: number) => setOption(fd, SOL_SOCKET, SO_MARK, value, `marking ${what}`);
    if ((options.mark ?? 0) !== 0) mark(options.mark ?? 0);
    if (family === 6) setUpSix(fd, `setting up ${what}`);
    else setUpFour(fd, `setting up ${what}`);
    if (options.bufferBytes !== undefined) growBuffers(fd, options.bufferBytes);
    bindTo(fd, options);
    let open = true;
    return {
      fd,
      family,
      port: portOf(fd),
      segments: offload && tryOption(fd, SOL_UDP, UDP_SEGMENT, 0),
      coalesces: offload && tryOption(fd, SOL_UDP, UDP_GRO, 1),
      setMark: mark,
      [Symbol.dispose]: () => {
        if (open) closeDescriptor(fd);
        open = false;
      },
    };
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/**
 * Routers may fragment large datagrams, as for Linux's own WireGuard (drivers/net/wireguard/socket.c, df 0): under a
 * kill switch no ICMP error arrives. Each message includes its destination address.
 */
function setUpFour(fd: number, action: string): void {
  setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, action);
  setOption(fd, IPPROTO_IP, IP_PKTINFO, 1, action);
}

/** IPv6 routers do not fragment. */
function setUpSix(fd: number, action: string): void {
  setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, action);
  setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, action);
}

function bindTo(fd: number, { family, port, address = new Uint8Array(family === 4 ? 4 : 16) }: UdpSocketOptions): void {
  const name = new Uint8Array(SOCKET_ADDRESS_BYTES);
  const length = writeSocketAddress(new DataView(name.buffer), 0, { address, port, scope: 0 });
  if (callLibc("bind", fd, name, length) !== -1) return;
  const errno = lastErrno();
  const remedy = errnoName(errno) === "EADDRINUSE" ? { remedy: "set another listen port" } : {};
  throw errnoError(`binding the UDP port ${port} for IPv${family}`, errno, remedy);
}

function portOf(fd: number): number {
  const name = new Uint8Array(SOCKET_ADDRESS_BYTES);
  checkedLibc("reading the port of a UDP socket", "getsockname", fd, name, Uint8Array.of(name.length, 0, 0, 0));
  return readSocketAddress(new DataView(name.buffer), 0).port;
}

/** With CAP_NET_ADMIN beyond the host's limit, otherwise up to it (socket(7)). */
function growBuffers(fd: number, bytes: number): void {
  if (!tryOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) tryOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  if (!tryOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)) tryOption(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

function setOption(fd: number, level: number, name: number, value: number, action: string): void {
  checkedLibc(action, "setsockopt", fd, level, name, new Uint8Array(Int32Array.of(value).buffer), 4);
}

function tryOption(fd: number, level: number, name: number, value: number): boolean {
  return callLibc("setsockopt", fd, level, name, new Uint8Array(Int32Array.of(value).buffer), 4) !== -1;
}
