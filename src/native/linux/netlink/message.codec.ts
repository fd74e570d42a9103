import type { AwgError } from "../../../model/error.ts";
import {
  align4,
  eachAttribute,
  MessageWriter,
  malformed,
  readI32,
  readText,
  readU16,
  readU32,
} from "../attribute.codec.ts";
import { errnoError } from "../errno.ts";

/** Flags of a netlink request (include/uapi/linux/netlink.h). */
export const NLM = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  dump: 0x300,
  /** In a reply: the request is echoed without its payload. */
  capped: 0x100,
  /** In a reply: attributes with the kernel's message follow. */
  ackTlvs: 0x200,
} as const;

/** Message types below NLMSG_MIN_TYPE, common to all protocols. */
export const NLMSG = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

export const HEADER_BYTES = 16;

/** One message from the kernel. `payload` is what follows the header; its bytes belong to the receiver alone. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

const writer = new MessageWriter();

/**
 * Encodes a request: header, then what `body` writes. The socket sets sequence, port and NLM_F_REQUEST. `flags` are NLM
 * create, replace, exclusive, append, dump as required.
 */
export function encodeMessage(type: number, flags: number, body: (writer: MessageWriter) => void): Uint8Array {
  const start = writer.reserve(HEADER_BYTES);
  try {
    body(writer);
  } catch (error) {
    writer.take();
    throw error;
  }
  writer.setU32(start, writer.length);
  writer.setU32(start + 4, (flags << 16) | type);
  return writer.take();
}

/** Writes flags and sequence into an encoded request, in place, wherever it lies. */
export function stampMessage(bytes: Uint8Array, at: number, flags: number, sequence: number): void {
  bytes[at + 6] = flags & 0xff;
  bytes[at + 7] = flags >> 8;
  for (let index = 0; index < 4; index++) bytes[at + 8 + index] = (sequence >>> (8 * index)) & 0xff;
}

/** The flags an encoded request carries. */
export function messageFlags(bytes: Uint8Array): number {
  return readU16(bytes, 6);
}

/**
 * The messages of one datagram, in order. Payloads are views into `bytes`.
 *
 * @throws AwgError("host") when a length reaches outside the datagram.
 */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = readU32(bytes, at);
    if (length < HEADER_BYTES || at + length > bytes.length) {
      throw malformed(`a message of ${length} bytes where ${bytes.length - at} are left`);
    }
    messages.push({
      type: readU16(bytes, at + 4),
      flags: readU16(bytes, at + 6),
      sequence: readU32(bytes, at + 8),
      port: readU32(bytes, at + 12),
      payload: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** The result in an NLMSG_ERROR or NLMSG_DONE: errno 0 is success. */
export interface Acknowledgement {
  readonly errno: number;
  /** The kernel's message (NLMSGERR_ATTR_MSG). */
  readonly note: string | undefined;
  /** Offset of the offending attribute in the request (NLMSGERR_ATTR_OFFS). */
  readonly offset: number | undefined;
}

const NLMSGERR = { message: 1, offset: 2 } as const;

/** Reads an NLMSG_ERROR (or NLMSG_DONE, whose attributes follow the number directly). */
export function decodeAcknowledgement(message: NetlinkMessage): Acknowledgement {
  const { payload, type, flags } = message;
  if (type === NLMSG.done && payload.length < 4) return { errno: 0, note: undefined, offset: undefined };
  const errno = -readI32(payload, 0);
  let note: string | undefined;
  let offset: number | undefined;
  if ((flags & NLM.ackTlvs) !== 0) {
    eachAttribute(payload, attributesStart(message), payload.length, (attribute, from, to) => {
      if (attribute === NLMSGERR.message) note = readText(payload.subarray(from, to));
      if (attribute === NLMSGERR.offset) offset = readU32(payload.subarray(from, to));
    });
  }
  return { errno: Math.max(0, errno), note, offset };
}

/** The errno is followed by the request's header, and by the whole request unless the reply is capped. */
function attributesStart({ payload, type, flags }: NetlinkMessage): number {
  if (type === NLMSG.done) return 4;
  const echoed = (flags & NLM.capped) !== 0 ? HEADER_BYTES : readU32(payload, 4);
  const start = 4 + align4(Math.max(echoed, HEADER_BYTES));
  if (start > payload.length) throw malformed(`an answer that echoes ${echoed} bytes in ${payload.length}`);
  return start;
}

/** The error of a refused request; its message starts with the action. */
export function acknowledgementError(action: string, { errno, note, offset }: Acknowledgement): AwgError {
  return errnoError(action, errno, { note, ...(offset === undefined ? {} : { facts: { offset } }) });
}
