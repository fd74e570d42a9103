import { AwgError } from "../../../model/error.ts";
import type { PacketSocket, PacketSocketOptions } from "../../packet-system.ts";
import { checkedCall } from "../calls.ts";
import { SOCKET } from "../constants.ts";
import { darwinErrnoName, darwinError } from "../errno.ts";
import type { LibSystem } from "../libsystem.ts";
import { bindToInterface } from "../link/bound-interface.ts";
import { decodeSockaddr, encodeInet } from "../sockaddr.codec.ts";

/** The smallest buffer to request. */
const LEAST_BUFFER_BYTES = 64 * 1024;

/**
 * Opens and binds a UDP socket of macOS, bound to an interface where one is given (IP_BOUND_IF, IPV6_BOUND_IF). IPv4 is
 * sent without don't-fragment, the default unless IP_DONTFRAG is set.
 *
 * @throws AwgError("host") when the port is in use (`facts.errno` EADDRINUSE), or the family or interface does not
 * exist
 */
export function openUdpSocket(system: LibSystem, options: PacketSocketOptions): PacketSocket {
  const { family, port, boundTo } = options;
  const what = `a UDP socket for IPv${family}`;
  const domain = family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6;
  const fd = checkedCall(`making ${what}`, system.socket(domain, SOCKET.SOCK_DGRAM, 0));
  try {
    checkedCall(`setting up ${what}`, system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
    setNonblocking(system, fd, `setting up ${what}`);
    if (family === 6) {
      const only = system.setsockopt(fd, SOCKET.IPPROTO_IPV6, SOCKET.IPV6_V6ONLY, wordOf(1));
      checkedCall(`setting up ${what}`, only);
    }
    if (boundTo !== undefined) bindToInterface(system, fd, family, boundTo);
    for (const option of [SOCKET.SO_RCVBUF, SOCKET.SO_SNDBUF]) growBuffer(system, fd, option, options.bufferBytes ?? 0);
    bindTo(system, fd, family, port);
    let open = true;
    return {
      fd,
      port: portOf(system, fd),
      segments: false,
      coalesces: false,
      [Symbol.dispose]: () => {
        if (open) system.close(fd);
        open = false;
      },
    };
  } catch (error) {
    system.close(fd);
    throw error;
  }
}

/** Makes a descriptor non-blocking. Throws AwgError as the kernel says. */
export function setNonblocking(system: LibSystem, fd: number, action: string): void {
  const flags = checkedCall(action, system.fcntl(fd, SOCKET.F_GETFL, 0));
  checkedCall(action, system.fcntl(fd, SOCKET.F_SETFL, flags | SOCKET.O_NONBLOCK));
}

/** The kernel refuses more than kern.ipc.maxsockbuf (sbreserve); then half the size is tried, and so on. */
function growBuffer(system: LibSystem, fd: number, option: number, wanted: number): void {
  for (let bytes = wanted; bytes >= LEAST_BUFFER_BYTES; bytes = Math.floor(bytes / 2)) {
    if (system.setsockopt(fd, SOCKET.SOL_SOCKET, option, wordOf(bytes)).value !== -1) return;
  }
}

function bindTo(system: LibSystem, fd: number, family: 4 | 6, port: number): void {
  const { value, errno } = system.bind(fd, encodeInet(family === 4 ? "0.0.0.0" : "::", { port }));
  if (value !== -1) return;
  const error = darwinError(`binding the UDP port ${port} for IPv${family}`, errno);
  if (darwinErrnoName(errno) !== "EADDRINUSE") throw error;
  throw new AwgError(error.kind, error.message, { facts: error.facts, remedy: "set another listen port" });
}

function portOf(system: LibSystem, fd: number): number {
  const name = new Uint8Array(28);
  checkedCall("reading the port of a UDP socket", system.getsockname(fd, name));
  const decoded = decodeSockaddr(name);
  return decoded.kind === "inet" ? decoded.port : 0;
}

function wordOf(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
