import { AwgError } from "../../../model/error.ts";
import { checkedCall } from "../calls.ts";
import { CONTROL, SOCKET } from "../constants.ts";
import { darwinError } from "../errno.ts";
import type { LibSystem } from "../libsystem.ts";
import { decodeControlId, decodeInterfaceName, encodeControlAddress, encodeControlInfo } from "./utun.codec.ts";

const EBUSY = 16;
const PENDING_PACKETS = 256;

/** A tunnel interface that lives as long as its descriptor: closing it also removes its addresses and routes. */
export interface Utun extends Disposable {
  readonly fd: number;
  /** The kernel's name, "utun7". */
  readonly name: string;
}

/**
 * Creates a tunnel interface by the kernel control of utun (bsd/net/if_utun.c), non-blocking and closed on exec.
 *
 * @param unit the unit; the first free one when absent
 * @throws AwgError("conflict") when the unit is in use, ("permission") without root.
 */
export function openUtun(system: LibSystem, unit?: number): Utun {
  const action = unit === undefined ? "making a utun interface" : `making utun${unit}`;
  const control = system.socket(SOCKET.AF_SYSTEM, SOCKET.SOCK_DGRAM, CONTROL.SYSPROTO_CONTROL);
  const fd = checkedCall(action, control);
  try {
    checkedCall(action, system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
    const info = encodeControlInfo();
    checkedCall(action, system.ioctl(fd, CONTROL.CTLIOCGINFO, info));
    const connected = system.connect(fd, encodeControlAddress(decodeControlId(info), unit));
    if (connected.value === -1) throw connectError(action, connected.errno);
    const name = nameOfUtun(system, fd, action);
    // By default the kernel queues one packet (utun_ctl_bind) and drops the next.
    const pending = new Uint8Array(Uint32Array.of(PENDING_PACKETS).buffer);
    const option = CONTROL.UTUN_OPT_MAX_PENDING_PACKETS;
    checkedCall(action, system.setsockopt(fd, CONTROL.SYSPROTO_CONTROL, option, pending));
    const flags = checkedCall(action, system.fcntl(fd, SOCKET.F_GETFL, 0));
    checkedCall(action, system.fcntl(fd, SOCKET.F_SETFL, flags | SOCKET.O_NONBLOCK));
    return { fd, name, [Symbol.dispose]: () => void system.close(fd) };
  } catch (error) {
    system.close(fd);
    throw error;
  }
}

/** The buffer must have space for the NUL, which the length includes. */
export function nameOfUtun(system: LibSystem, fd: number, action: string): string {
  const buffer = new Uint8Array(16);
  const answer = system.getsockopt(fd, CONTROL.SYSPROTO_CONTROL, CONTROL.UTUN_OPT_IFNAME, buffer);
  checkedCall(action, answer);
  return decodeInterfaceName(buffer, answer.length);
}

function connectError(action: string, errno: number): AwgError {
  if (errno !== EBUSY) return darwinError(action, errno);
  return new AwgError("conflict", `${action} failed: another program has that interface (EBUSY)`, {
    facts: { errno: "EBUSY" },
    remedy: "set another interface number for the tunnel, or none: macOS then uses the first free one",
  });
}
