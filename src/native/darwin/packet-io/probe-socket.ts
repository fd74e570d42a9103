import { checkedCall } from "../calls.ts";
import { SOCKET } from "../constants.ts";
import { darwinErrnoName, darwinError } from "../errno.ts";
import type { LibSystem } from "../libsystem.ts";
import { bindToInterface } from "../link/bound-interface.ts";
import { encodeInet } from "../sockaddr.codec.ts";
import { PROBE_SOCKET } from "./probe-constants.ts";
import { setNonblocking } from "./udp-socket.ts";

/** The probed address, and the interface to use; without one the host's routes decide. */
interface ProbedAddress {
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
  readonly interfaceIndex?: number;
}

/**
 * Starts a non-blocking TCP connection and returns its descriptor, which the caller closes.
 *
 * @throws AwgError where it fails at once: no route, no such interface, a policy that refuses
 */
export function openConnection(system: LibSystem, to: ProbedAddress): number {
  return opened(system, to, PROBE_SOCKET.SOCK_STREAM, PROBE_SOCKET.IPPROTO_TCP, (fd) => {
    const { value, errno } = system.connect(fd, encodeInet(to.address, { port: to.port }));
    if (value === -1 && darwinErrnoName(errno) !== "EINPROGRESS") throw darwinError("connecting", errno);
  });
}

/** Whether the connection is established. @throws AwgError when it failed */
export function isConnected(system: LibSystem, fd: number): boolean {
  const error = new Uint8Array(4);
  const asked = system.getsockopt(fd, SOCKET.SOL_SOCKET, PROBE_SOCKET.SO_ERROR, error);
  checkedCall("reading the state of a connection", asked);
  const pending = new DataView(error.buffer).getInt32(0, true);
  if (pending !== 0) throw darwinError("connecting", pending);
  // A connection has a peer once it is established, and not before (getpeername(2)).
  const { value, errno } = system.getpeername(fd, new Uint8Array(28));
  if (value !== -1) return true;
  if (darwinErrnoName(errno) === "ENOTCONN") return false;
  throw darwinError("connecting", errno);
}

/**
 * A raw socket for echo requests (RFC 792, RFC 4443 section 4.1), connected so that it receives only from the probed
 * address.
 */
export function openEchoSocket(system: LibSystem, to: ProbedAddress): number {
  const { SOCK_RAW, IPPROTO_ICMP, IPPROTO_ICMPV6 } = PROBE_SOCKET;
  return opened(system, to, SOCK_RAW, isIpv4(to) ? IPPROTO_ICMP : IPPROTO_ICMPV6, (fd) => {
    checkedCall("reaching the target", system.connect(fd, encodeInet(to.address)));
  });
}

/** Sends on a connected socket. @throws AwgError where the host refuses */
export function sendOn(system: LibSystem, fd: number, bytes: Uint8Array): void {
  checkedCall("sending", system.write(fd, bytes));
}

/** The next received packet; undefined when there is none. */
export function receiveOn(system: LibSystem, fd: number): Uint8Array | undefined {
  const bytes = new Uint8Array(2048);
  const { value } = system.read(fd, bytes);
  return value < 0 ? undefined : bytes.subarray(0, value);
}

function opened(
  system: LibSystem,
  to: ProbedAddress,
  type: number,
  protocol: number,
  begin: (fd: number) => void,
): number {
  const family = isIpv4(to) ? 4 : 6;
  const domain = family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6;
  const fd = checkedCall("opening a socket", system.socket(domain, type, protocol));
  try {
    checkedCall("opening a socket", system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
    setNonblocking(system, fd, "opening a socket");
    if (to.interfaceIndex !== undefined) bindToInterface(system, fd, family, to.interfaceIndex);
    begin(fd);
    return fd;
  } catch (error) {
    system.close(fd);
    throw error;
  }
}

function isIpv4({ address }: ProbedAddress): boolean {
  return !address.includes(":");
}
