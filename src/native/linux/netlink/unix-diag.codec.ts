import { attributeMap, readText, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "./message.codec.ts";

/** SOCK_DIAG_BY_FAMILY (include/uapi/linux/sock_diag.h). */
const SOCK_DIAG_BY_FAMILY = 20;
const AF_UNIX = 1;
/** TCP_LISTEN of include/net/tcp_states.h, which unix sockets share. */
const LISTENING = 1 << 10;
/** UDIAG_SHOW_NAME and UDIAG_SHOW_VFS, and their attributes (include/uapi/linux/unix_diag.h). */
const SHOW = 0x1 | 0x2;
const NAME = 0;
const VFS = 1;
/** struct unix_diag_msg; attributes follow. */
const MESSAGE_BYTES = 16;
/** A kernel device number has 20 bits for the minor (include/linux/kdev_t.h). */
const MINOR_BITS = 20;

/** A listening unix socket that has a file. */
export interface ListeningFile {
  /** The path it was bound to; the file may have another name since, or none. */
  readonly bound: string;
  /** The low 32 bits of the file's inode number. */
  readonly inode: number;
  /** The number of the file's device as stat(2) gives it. */
  readonly device: number;
}

/** Requests the listening unix sockets of this network namespace. */
export function encodeListenerDump(): Uint8Array {
  return encodeMessage(SOCK_DIAG_BY_FAMILY, NLM.dump, (writer) => {
    writer.bytes(Uint8Array.of(AF_UNIX, 0, 0, 0));
    writer.u32(LISTENING);
    writer.u32(0);
    writer.u32(SHOW);
    writer.reserve(8);
  });
}

/** Decodes a socket of the reply; undefined for one without a file. AwgError("host") for a truncated one. */
export function decodeListener({ type, payload }: NetlinkMessage): ListeningFile | undefined {
  if (type !== SOCK_DIAG_BY_FAMILY) return undefined;
  const attributes = attributeMap(payload, MESSAGE_BYTES);
  const [name, vfs] = [attributes.get(NAME), attributes.get(VFS)];
  if (name === undefined || vfs === undefined) return undefined;
  return { bound: readText(name), inode: readU32(vfs), device: statDevice(readU32(vfs, 4)) };
}

/** The kernel's dev_t as user space sees it (new_encode_dev of include/linux/kdev_t.h). */
function statDevice(device: number): number {
  const [major, minor] = [device >>> MINOR_BITS, device & ((1 << MINOR_BITS) - 1)];
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
