import { readSysctl } from "../../../native/darwin/calls.ts";
import { SOCKET, SYSCTL } from "../../../native/darwin/constants.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { decodeInterfaceList, type Interface } from "../../../native/darwin/link/interface-message.codec.ts";

/** Every interface of this Mac with its addresses. Reads only. */
export function readInterfaces(system: LibSystem): Interface[] {
  const mib = [SYSCTL.CTL_NET, SOCKET.PF_ROUTE, 0, 0, SYSCTL.NET_RT_IFLIST2, 0];
  return decodeInterfaceList(readSysctl(system, "reading the interfaces", mib));
}
