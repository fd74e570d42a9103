import { AwgError } from "../../../model/error.ts";
import { type NetlinkSocket, openNetlinkSocket } from "../../../native/linux/netlink/netlink-socket.ffi.ts";
import {
  decodeProcessEvent,
  encodeListenRequest,
  type KernelProcessEvent,
  NETLINK_CONNECTOR,
  PROCESS_GROUP,
} from "../../../native/linux/process/process-event.codec.ts";
import type { ProcessEvent } from "../../ports/processes.ts";

/** Each wait is on a thread of the pool, so closing takes this long at most. */
const WAIT_MS = 500;

/**
 * Tells of exec and exit by the kernel's process connector, until disposed.
 *
 * @throws AwgError("permission") without root; ("unsupported") in a container: the kernel tells only the machine's own
 *   namespaces of network, users and PIDs (drivers/connector/cn_proc.c).
 */
export function watchProcesses(onEvent: (event: ProcessEvent) => void): AsyncDisposable {
  const socket = listen();
  let ended = false;
  const running = (async () => {
    while (!ended) {
      if (!(await socket.waitReadable(WAIT_MS))) continue;
      const { messages, overrun } = socket.drain();
      if (overrun) onEvent({ what: "missed" });
      for (const message of messages) {
        const event = decodeProcessEvent(message);
        if (event !== undefined && event.what !== "heard" && !ended) onEvent(event);
      }
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      ended = true;
      await running;
      socket[Symbol.dispose]();
    },
  };
}

/** The kernel answers within the call that asks; where it stays silent it never tells. */
function listen(): NetlinkSocket {
  const socket = openNetlinkSocket(NETLINK_CONNECTOR);
  try {
    socket.subscribe([PROCESS_GROUP]);
    socket.send(encodeListenRequest(), "asking to be told of processes");
    const answer = socket.drain().messages.map(decodeProcessEvent).find(isAnswer);
    if (answer?.errno === 0) return socket;
    throw new AwgError("unsupported", "the kernel does not tell of processes here", {
      remedy: "run it outside of containers, in the machine's own namespaces",
    });
  } catch (error) {
    socket[Symbol.dispose]();
    throw error;
  }
}

function isAnswer(event: KernelProcessEvent | undefined): event is Extract<KernelProcessEvent, { what: "heard" }> {
  return event?.what === "heard";
}
