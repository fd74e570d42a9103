import { parseIp } from "../../model/ip.ts";
import type { Deadline, Found } from "./deadline.ts";
import { readEchoReply, writeEchoRequest } from "./echo.codec.ts";
import type { ProbedAddress, ProbeSockets } from "./probe-sockets.ts";

const EVERY_MS = 500;

/** Sends an echo request twice a second until one gets a reply. */
export async function ping(sockets: ProbeSockets, to: ProbedAddress, deadline: Deadline): Promise<Found> {
  const family = parseIp(to.address)?.family ?? 4;
  const id = Math.floor(Math.random() * 0x1_0000);
  const fd = sockets.openEchoSocket(to);
  try {
    let sent = 0;
    const answered = await deadline.until(() => {
      if (deadline.elapsedMs() >= sent * EVERY_MS) {
        sent += 1;
        sockets.send(fd, writeEchoRequest(family, { id, sequence: sent }));
      }
      for (let bytes = sockets.receive(fd); bytes !== undefined; bytes = sockets.receive(fd)) {
        if (readEchoReply(family, bytes)?.id === id) return true;
      }
      return undefined;
    });
    return answered === true ? undefined : deadline.tooLate;
  } finally {
    sockets.close(fd);
  }
}
