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

/** Each wait occupies a thread of the pool, so closing takes up to this long. */
const WAIT_MS = 500;

/**
 * Reports exec and exit by the kernel's process connector, until disposed.
 *
 * @throws AwgError("permission") without root; ("unsupported") in a container: the kernel reports only to the initial
 * network, user and PID namespaces (drivers/connector/cn_proc.c).
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
        if (event !== undefined && event.what !== "subscribed" && !ended) onEvent(event);
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

/** The kernel answers within the call; without an answer it will send no events. */
function listen(): NetlinkSocket {
  const socket = openNetlinkSocket(NETLINK_CONNECTOR);
  try {
    socket.subscribe([PROCESS_GROUP]);
    socket.send(encodeListenRequest(), "subscribing to process events");
    const answer = socket.drain().messages.map(decodeProcessEvent).find(isAnswer);
    if (answer?.errno === 0) return socket;
    throw new AwgError("unsupported", "the kernel reports no process events here", {
      remedy: "run it outside of containers, in the host's own namespaces",
    });
  } catch (error) {
    socket[Symbol.dispose]();
    throw error;
  }
}

function isAnswer(event: KernelProcessEvent | undefined): event is Extract<KernelProcessEvent, { what: "subscribed" }> {
  return event?.what === "subscribed";
}
