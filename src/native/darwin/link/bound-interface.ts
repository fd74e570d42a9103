import type { Family } from "../../../model/ip.ts";
import { checkedCall } from "../calls.ts";
import { SOCKET } from "../constants.ts";
import type { LibSystem } from "../libsystem.ts";

/**
 * Binds a tunnel's outer socket to a physical interface (IP_BOUND_IF, IPV6_BOUND_IF), so that its packets never enter
 * the tunnel it carries. Repeat it when the primary interface changes; index 0 removes the binding.
 *
 * @throws AwgError("host") when the family is not the socket's, or there is no such interface.
 */
export function bindToInterface(system: LibSystem, fd: number, family: Family, interfaceIndex: number): void {
  const [level, option] =
    family === 4 ? [SOCKET.IPPROTO_IP, SOCKET.IP_BOUND_IF] : [SOCKET.IPPROTO_IPV6, SOCKET.IPV6_BOUND_IF];
  const value = new Uint8Array(Uint32Array.of(interfaceIndex).buffer);
  checkedCall(`binding a socket to interface ${interfaceIndex}`, system.setsockopt(fd, level, option, value));
}
