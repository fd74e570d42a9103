import { closeDescriptor } from "../../../native/linux/libc.ffi.ts";
import { readEchoReply, writeEchoRequest } from "../../../native/linux/packet-io/echo.codec.ts";
import {
  openEchoSocket,
  type ProbedAddress,
  receiveOn,
  sendOn,
} from "../../../native/linux/packet-io/probe-socket.ffi.ts";
import type { Deadline, Found } from "./deadline.ts";

const EVERY_MS = 500;

/** Sends an echo request twice a second until one is answered. */
export async function ping(to: ProbedAddress, deadline: Deadline): Promise<Found> {
  const family = to.address.length === 4 ? 4 : 6;
  const id = Math.floor(Math.random() * 0x1_0000);
  const fd = openEchoSocket(to);
  try {
    let sent = 0;
    const answered = await deadline.until(() => {
      if (deadline.elapsedMs() >= sent * EVERY_MS) {
        sent += 1;
        sendOn(fd, writeEchoRequest(family, { id, sequence: sent }));
      }
      for (let bytes = receiveOn(fd); bytes !== undefined; bytes = receiveOn(fd)) {
        if (readEchoReply(family, bytes)?.id === id) return true;
      }
      return undefined;
    });
    return answered === true ? undefined : deadline.tooLate;
  } finally {
    closeDescriptor(fd);
  }
}
