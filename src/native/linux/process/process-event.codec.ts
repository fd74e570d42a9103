import { readI32, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLMSG } from "../netlink/message.codec.ts";

/** Protocol of the netlink socket, and the group and id of process events (include/uapi/linux/connector.h, cn_proc.h). */
export const NETLINK_CONNECTOR = 11;
export const PROCESS_GROUP = 1;
const CN_IDX_PROC = 1;
const CN_VAL_PROC = 1;
const PROC_CN_MCAST_LISTEN = 1;
/** struct cn_msg: id (two words), sequence, ack, length and flags (two shorts); then struct proc_event. */
const HEADER_BYTES = 20;
/** struct proc_event: what, processor, nanoseconds since boot, then the event's data. */
const DATA_AT = HEADER_BYTES + 16;
const WHAT = { none: 0, exec: 2, exit: 0x80000000 } as const;

/** `subscribed`: the kernel's reply to the subscription; `errno` 0 is success. */
export type KernelProcessEvent =
  | { readonly what: "started" | "ended"; readonly pid: number }
  | { readonly what: "subscribed"; readonly errno: number };

/** Requests process events from the kernel. */
export function encodeListenRequest(): Uint8Array {
  return encodeMessage(NLMSG.done, 0, (writer) => {
    for (const word of [CN_IDX_PROC, CN_VAL_PROC, 0, 0]) writer.u32(word);
    writer.u16(4);
    writer.u16(0);
    writer.u32(PROC_CN_MCAST_LISTEN);
  });
}

/** An exec or exit; undefined for all other events: forks, threads, changes of ids and names. */
export function decodeProcessEvent({ payload }: NetlinkMessage): KernelProcessEvent | undefined {
  if (readU32(payload, 0) !== CN_IDX_PROC || readU32(payload, 4) !== CN_VAL_PROC) return undefined;
  const what = readU32(payload, HEADER_BYTES);
  if (what === WHAT.none) return { what: "subscribed", errno: readI32(payload, DATA_AT) };
  if (what !== WHAT.exec && what !== WHAT.exit) return undefined;
  const [thread, pid] = [readI32(payload, DATA_AT), readI32(payload, DATA_AT + 4)];
  return thread === pid ? { what: what === WHAT.exec ? "started" : "ended", pid } : undefined;
}
