import { checkedCall, withSocket } from "../calls.ts";
import { SOCKET } from "../constants.ts";
import type { LibSystem } from "../libsystem.ts";
import { mtuOf, mtuRequest, readMtuRequest } from "./interface-request.codec.ts";

const DATAGRAM = { domain: SOCKET.AF_INET, type: SOCKET.SOCK_DGRAM, protocol: 0 };

/** The MTU of an interface in bytes; undefined for an unknown name. */
export function mtuOfInterface(system: LibSystem, name: string): number | undefined {
  const read = readMtuRequest(name);
  const { value } = withSocket(system, DATAGRAM, (fd) => system.ioctl(fd, read.request, read.argument));
  return value === -1 ? undefined : mtuOf(read);
}

/** Sets the MTU of an interface. Throws AwgError as the kernel says. */
export function setMtu(system: LibSystem, name: string, mtuBytes: number): void {
  const { request, argument } = mtuRequest(name, mtuBytes);
  checkedCall(
    `setting the mtu of ${name}`,
    withSocket(system, DATAGRAM, (fd) => system.ioctl(fd, request, argument)),
  );
}
