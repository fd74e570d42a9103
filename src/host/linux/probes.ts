import { closeDescriptor } from "../../native/linux/libc.ffi.ts";
import {
  isConnected,
  openConnection,
  openEchoSocket,
  receiveOn,
  sendOn,
} from "../../native/linux/packet-io/probe-socket.ffi.ts";
import type { ProbePort } from "../ports/probes.ts";
import { socketProbes } from "../probes/socket-probes.ts";

/** Probes of a Linux host. */
export function linuxProbes(): ProbePort {
  return socketProbes({
    openConnection,
    isConnected,
    openEchoSocket,
    send: sendOn,
    receive: receiveOn,
    close: closeDescriptor,
  });
}
