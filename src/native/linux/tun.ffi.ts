import { AwgError } from "../../model/error.ts";
import { readText, readU16 } from "./attribute.codec.ts";
import { errnoError, errnoName } from "./errno.ts";
import { callLibc, checkedLibc, closeDescriptor, lastErrno } from "./libc.ffi.ts";

const TUN_PATH = "/dev/net/tun";
const O_RDWR_CLOEXEC = 2 | 0o2000000;
const O_NONBLOCK = 0o4000;
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNGETIFF = 0x800454d2;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETCARRIER = 0x400454e2;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/** Flags of a TUN device (IFF_* of include/uapi/linux/if_tun.h). */
const IFF = { tun: 0x1, noPacketInfo: 0x1000, vnetHeader: 0x4000, exclusive: 0x8000, persist: 0x800 } as const;

export interface TunOptions {
  /** At most 15 bytes. */
  readonly name: string;
  /** Each packet is preceded by a virtio header, so that segments of up to 64 KiB pass whole. */
  readonly vnetHeader?: boolean;
  /** Each packet is preceded by 4 bytes of flags and EtherType, as engines from before 2023-03 expect. */
  readonly packetInfo?: boolean;
  /** True: fail when the device exists, instead of attaching to it. */
  readonly exclusive?: boolean;
  readonly nonBlocking?: boolean;
}

/** An open TUN device; reading its descriptor returns packets that the host sends into it. */
export interface TunDevice extends Disposable {
  readonly fd: number;
  readonly name: string;
  /** Whether each packet is preceded by its packet information. */
  readonly packetInfo: boolean;
  /** Whether each packet is preceded by a virtio header. */
  readonly vnetHeader: boolean;
  /** True: the device outlives the descriptor, without carrier, so that packets routed into it are dropped. */
  setPersistent(persistent: boolean): void;
  setCarrier(carrier: boolean): void;
}

/**
 * Creates a TUN device in the current network namespace, or attaches to a persistent one that no process holds; its
 * offloads are reset.
 *
 * @throws AwgError("unsupported") without /dev/net/tun, ("permission") without permission, ("conflict") when another
 * process holds the device or it is of another kind.
 */
export function openTun(options: TunOptions): TunDevice {
  const { name, nonBlocking = false } = options;
  if (new TextEncoder().encode(name).length > 15 || name === "") {
    throw new AwgError("bug", `"${name}" is not a valid interface name: 1 to 15 bytes`);
  }
  const fd = callLibc("open", TUN_PATH, O_RDWR_CLOEXEC | (nonBlocking ? O_NONBLOCK : 0));
  if (fd === -1) throw openError(lastErrno());
  try {
    const request = ifreq(name, flagsOf(options));
    if (callLibc("ioctl", fd, TUNSETIFF, "void *", request) === -1) throw attachError(name, lastErrno());
    const { packetInfo = false, vnetHeader = false } = options;
    resetOffloads(fd, name);
    return tunOf(fd, { name: readText(request.subarray(0, NAME_BYTES)), packetInfo, vnetHeader });
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** The device of a descriptor from another process; without a virtio header its offloads are reset. */
export function adoptTun(fd: number): TunDevice {
  const request = new Uint8Array(IFREQ_BYTES);
  checkedLibc(`reading the TUN device of descriptor ${fd}`, "ioctl", fd, TUNGETIFF, "void *", request);
  const flags = readU16(request, NAME_BYTES);
  if ((flags & IFF.tun) === 0) {
    throw new AwgError("host", `descriptor ${fd} is a TAP device, not a TUN device`);
  }
  const name = readText(request.subarray(0, NAME_BYTES));
  const [packetInfo, vnetHeader] = [(flags & IFF.noPacketInfo) === 0, (flags & IFF.vnetHeader) !== 0];
  if (!vnetHeader) resetOffloads(fd, name);
  return tunOf(fd, { name, packetInfo, vnetHeader });
}

/**
 * A persistent device keeps the offloads of its former engine. Without a virtio header the next engine cannot see that
 * a checksum is incomplete, and would send packets that receivers drop.
 */
function resetOffloads(fd: number, name: string): void {
  checkedLibc(`resetting the offloads of ${name}`, "ioctl", fd, TUNSETOFFLOAD, "unsigned long", 0);
}

function tunOf(fd: number, what: Pick<TunDevice, "name" | "packetInfo" | "vnetHeader">): TunDevice {
  const { name } = what;
  let open = true;
  return {
    fd,
    ...what,
    setPersistent: (persistent) => {
      const action = `making the TUN device ${name} ${persistent ? "persistent" : "temporary"}`;
      checkedLibc(action, "ioctl", fd, TUNSETPERSIST, "unsigned long", persistent ? 1 : 0);
    },
    setCarrier: (carrier) => {
      const value = Uint8Array.of(carrier ? 1 : 0, 0, 0, 0);
      checkedLibc(`setting the carrier of the TUN device ${name}`, "ioctl", fd, TUNSETCARRIER, "void *", value);
    },
    [Symbol.dispose]: () => {
      if (open) closeDescriptor(fd);
      open = false;
    },
  };
}

function flagsOf({ vnetHeader = false, exclusive = false, packetInfo = false }: TunOptions): number {
  return (
    IFF.tun | (packetInfo ? 0 : IFF.noPacketInfo) | (vnetHeader ? IFF.vnetHeader : 0) | (exclusive ? IFF.exclusive : 0)
  );
}

function ifreq(name: string, flags: number): Uint8Array {
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setUint16(NAME_BYTES, flags, true);
  return request;
}

function openError(errno: number): AwgError {
  const missing = ["ENOENT", "ENODEV", "ENXIO"].includes(errnoName(errno));
  if (!missing) return errnoError(`opening ${TUN_PATH}`, errno);
  return new AwgError("unsupported", `this host has no ${TUN_PATH}, so no tunnel device can be created`, {
    facts: { errno: errnoName(errno) },
    remedy: "load the tun module, or add the device to the container",
  });
}

function attachError(name: string, errno: number): AwgError {
  const action = `opening the TUN device ${name}`;
  const code = errnoName(errno);
  if (code === "EBUSY") {
    return errnoError(action, errno, { remedy: `another process holds ${name}: stop it, or set another name` });
  }
  if (code === "EINVAL") {
    return new AwgError(
      "conflict",
      `${action} failed: the existing link of that name is not a TUN device or has other flags`,
      {
        facts: { errno: code },
        remedy: "delete that link, or set another name",
      },
    );
  }
  return errnoError(action, errno);
}
