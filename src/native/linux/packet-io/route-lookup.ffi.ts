import type { RouteInfo, UdpAddress } from "../../packet-system.ts";
import { callLibc, closeDescriptor } from "../libc.ffi.ts";
import { readSocketAddress, SOCKET_ADDRESS_BYTES, writeSocketAddress } from "./socket-address.codec.ts";
import { openUnboundSocket } from "./unbound-socket.ffi.ts";

const IPPROTO_IP = 0;
const IP_MTU = 14;
const IPPROTO_IPV6 = 41;
const IPV6_MTU = 24;

/**
 * Looks up the kernel's route to an address, by a connected UDP socket that sends nothing (ip(7), IP_MTU).
 *
 * @param mark SO_MARK of the packets; 0: none
 * @returns undefined without a route
 */
export function lookUpRoute(to: UdpAddress, mark: number): RouteInfo | undefined {
  const four = to.address.length === 4;
  const fd = openUnboundSocket({ family: four ? 4 : 6, stream: false, ...(mark === 0 ? {} : { mark }) });
  try {
    const name = new Uint8Array(SOCKET_ADDRESS_BYTES);
    const view = new DataView(name.buffer);
    if (callLibc("connect", fd, name, writeSocketAddress(view, 0, to)) === -1) return undefined;
    const mtu = new Uint8Array(4);
    const [level, option] = four ? [IPPROTO_IP, IP_MTU] : [IPPROTO_IPV6, IPV6_MTU];
    if (callLibc("getsockopt", fd, level, option, mtu, Uint8Array.of(4, 0, 0, 0)) === -1) return undefined;
    if (callLibc("getsockname", fd, name, Uint8Array.of(name.length, 0, 0, 0)) === -1) return undefined;
    return { mtuBytes: new DataView(mtu.buffer).getInt32(0, true), source: readSocketAddress(view, 0).address };
  } finally {
    closeDescriptor(fd);
  }
}
