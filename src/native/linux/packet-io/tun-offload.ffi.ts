import { AwgError } from "../../../model/error.ts";
import type { PreparedTun } from "../../packet-system.ts";
import { readText, readU16 } from "../attribute.codec.ts";
import { callLibc, checkedLibc, closeDescriptor } from "../libc.ffi.ts";

const TUNGETIFF = 0x800454d2;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
/** Device requests work on any socket (netdevice(7)). */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCGIFTXQLEN = 0x8942;
const SIOCSIFTXQLEN = 0x8943;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;
const IFF_TUN = 0x1;
const IFF_NO_PACKET_INFO = 0x1000;
const IFF_VNET_HEADER = 0x4000;

/** struct virtio_net_hdr (include/uapi/linux/virtio_net.h). */
const VNET_HEADER_BYTES = 10;

/**
 * What the kernel may offload to us (TUN_F_*): checksums 1, TCP over IPv4 and IPv6 of up to 64 KiB 2 and 4, UDP
 * likewise 0x20 and 0x40 (Linux 6.2). Each level is tried when the previous one is refused; 0 is a header without
 * offloads.
 */
export const OFFLOAD_LEVELS = [0x67, 0x7, 0x1, 0x0] as const;

/**
 * In packets: 200 ms at 10,000 per second, during which the loop may get no processor. The kernel's default is 500.
 */
const QUEUE_LENGTH = 2000;

/**
 * Prepares an open TUN descriptor for the loop: non-blocking, with the best offloads of the kernel up to `most`, and
 * with a longer queue, since the kernel drops what does not fit it while the host is busy.
 *
 * @throws AwgError("conflict") when it is not a TUN device or was opened with packet information.
 */
export function prepareTun(fd: number, most: number = OFFLOAD_LEVELS[0]): PreparedTun {
  const request = new Uint8Array(IFREQ_BYTES);
  checkedLibc(`reading the TUN device of descriptor ${fd}`, "ioctl", fd, TUNGETIFF, "void *", request);
  const name = readText(request.subarray(0, NAME_BYTES));
  const flags = readU16(request, NAME_BYTES);
  if ((flags & IFF_TUN) === 0 || (flags & IFF_NO_PACKET_INFO) === 0) {
    throw new AwgError("conflict", `the device ${name} is not a TUN device without packet information`, {
      remedy: "let awg create the device again",
    });
  }
  const status = checkedLibc(`reading the flags of ${name}`, "fcntl", fd, F_GETFL, "int", 0);
  checkedLibc(`setting ${name} to non-blocking`, "fcntl", fd, F_SETFL, "int", status | O_NONBLOCK);
  lengthenQueue(name);
  if ((flags & IFF_VNET_HEADER) === 0) return { name, headerBytes: 0, offload: 0 };
  const size = new Uint8Array(Int32Array.of(VNET_HEADER_BYTES).buffer);
  checkedLibc(`setting the header of ${name}`, "ioctl", fd, TUNSETVNETHDRSZ, "void *", size);
  const accepted = OFFLOAD_LEVELS.filter((level) => level <= most).find(
    (level) => callLibc("ioctl", fd, TUNSETOFFLOAD, "unsigned long", level) !== -1,
  );
  return { name, headerBytes: VNET_HEADER_BYTES, offload: accepted ?? 0 };
}

/** Without CAP_NET_ADMIN the queue stays as it is; a longer queue is never shortened. */
function lengthenQueue(name: string): void {
  const fd = callLibc("socket", AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd === -1) return;
  try {
    const request = new Uint8Array(IFREQ_BYTES);
    request.set(new TextEncoder().encode(name));
    const view = new DataView(request.buffer);
    if (callLibc("ioctl", fd, SIOCGIFTXQLEN, "void *", request) === -1) return;
    if (view.getInt32(NAME_BYTES, true) >= QUEUE_LENGTH) return;
    view.setInt32(NAME_BYTES, QUEUE_LENGTH, true);
    callLibc("ioctl", fd, SIOCSIFTXQLEN, "void *", request);
  } finally {
    closeDescriptor(fd);
  }
}
