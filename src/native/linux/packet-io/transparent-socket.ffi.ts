import type { UdpAddress } from "../../packet-system.ts";
import { errnoName } from "../errno.ts";
import { addressOf, callLibc, callLibcAsync, checkedLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";
import { readSocketAddress, SOCKET_ADDRESS_BYTES, writeSocketAddress } from "./socket-address.codec.ts";

const AF = { 4: 2, 6: 10 } as const;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_MARK = 36;
const IPPROTO_RAW = 255;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
/** linux/in.h and linux/in6.h. */
const OPTIONS = {
  4: { level: 0, transparent: 19, originalDestination: 20 },
  6: { level: 41, transparent: 75, originalDestination: 74, only: 26 },
} as const;
/** struct cmsghdr of 64-bit Linux, and room for one sockaddr_in6. */
const CONTROL_HEADER_BYTES = 16;
const CONTROL_BYTES = 64;
const MESSAGE_HEADER_BYTES = 56;
const MOST_DATAGRAM_BYTES = 65_536;

type Address = Pick<UdpAddress, "address" | "port">;

/** A datagram that `tproxy` gave to a transparent socket. */
export interface TransparentDatagram {
  readonly source: Address;
  /** Where its sender sent it. */
  readonly destination: Address;
  readonly data: Uint8Array;
}

export interface TransparentOptions {
  readonly family: 4 | 6;
  /** TCP; else UDP. */
  readonly stream: boolean;
  readonly local: Address;
  /** SO_MARK, inherited by accepted connections. */
  readonly mark: number;
}

/**
 * A bound, non-blocking socket with IP_TRANSPARENT, which accepts flows to other hosts that nftables' tproxy gives to it. Its
 * local address need not exist. The caller listens on it and closes it.
 *
 * @throws AwgError("permission") without CAP_NET_ADMIN, ("host") when the address is in use
 */
export function openTransparentSocket({ family, stream, local, mark }: TransparentOptions): number {
  const what = `a transparent ${stream ? "TCP" : "UDP"} socket for IPv${family}`;
  const kind = (stream ? SOCK_STREAM : SOCK_DGRAM) | CLOEXEC_NONBLOCK;
  const fd = checkedLibc(`opening ${what}`, "socket", AF[family], kind, 0);
  try {
    const { level, transparent, originalDestination } = OPTIONS[family];
    const set = (at: number, name: number, value: number) =>
      checkedLibc(`setting up ${what}`, "setsockopt", fd, at, name, fourBytes(value), 4);
    set(level, transparent, 1);
    if (family === 6) set(level, OPTIONS[6].only, 1);
    set(SOL_SOCKET, SO_MARK, mark);
    if (stream) set(SOL_SOCKET, SO_REUSEADDR, 1);
    else set(level, originalDestination, 1);
    const name = new Uint8Array(SOCKET_ADDRESS_BYTES);
    const length = writeSocketAddress(new DataView(name.buffer), 0, { ...local, scope: 0 });
    checkedLibc(`binding ${what}`, "bind", fd, name, length);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/**
 * A socket that sends whole IP packets, with the header of the caller (raw(7), IPPROTO_RAW). It receives none.
 *
 * @throws AwgError("permission") without CAP_NET_RAW
 */
export function openRawSender(family: 4 | 6, mark: number): number {
  const what = `a socket for whole IPv${family} packets`;
  const fd = checkedLibc(`opening ${what}`, "socket", AF[family], SOCK_RAW | CLOEXEC_NONBLOCK, IPPROTO_RAW);
  try {
    checkedLibc(`marking ${what}`, "setsockopt", fd, SOL_SOCKET, SO_MARK, fourBytes(mark), 4);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Sends a packet of `openRawSender` by the route to this address; false if the kernel refused it. */
export function sendRawPacket(fd: number, packet: Uint8Array, to: Uint8Array): boolean {
  const name = new Uint8Array(SOCKET_ADDRESS_BYTES);
  const length = writeSocketAddress(new DataView(name.buffer), 0, { address: to, port: 0, scope: 0 });
  return callLibc("sendto", fd, packet, packet.length, MSG_DONTWAIT, name, length) !== -1;
}

const header = new Uint8Array(MESSAGE_HEADER_BYTES);
const vector = new Uint8Array(16);
const name = new Uint8Array(SOCKET_ADDRESS_BYTES);
const control = new Uint8Array(CONTROL_BYTES);
const data = new Uint8Array(MOST_DATAGRAM_BYTES);

/** Receives one datagram without waiting; undefined when none is there. Datagrams without a destination are skipped. */
export function receiveTransparent(fd: number): TransparentDatagram | undefined {
  while (true) {
    prepareMessage();
    const length = callLibc("recvmsg", fd, header, MSG_DONTWAIT);
    if (length === -1) {
      // An ICMP error of an earlier reply is reported once.
      if (errnoName(lastErrno()) === "ECONNREFUSED") continue;
      return undefined;
    }
    const destination = originalDestination();
    if (destination !== undefined) {
      return { source: readSocketAddress(new DataView(name.buffer), 0), destination, data: data.slice(0, length) };
    }
  }
}

/** Waits on a thread of libuv's pool until one of the sockets can be read, at most `timeoutMs`; returns whether one can. */
export async function untilReadable(fds: readonly number[], timeoutMs: number): Promise<boolean> {
  const polled = new Uint8Array(8 * fds.length);
  const view = new DataView(polled.buffer);
  for (const [index, fd] of fds.entries()) {
    view.setInt32(8 * index, fd, true);
    view.setInt16(8 * index + 4, POLLIN, true);
  }
  const ready = await callLibcAsync("poll", polled, fds.length, timeoutMs);
  // Used after the call, so the buffer that it writes stays referenced.
  return ready > 0 && polled.length > 0;
}

/** struct msghdr with one iovec (recvmsg(2)). */
function prepareMessage(): void {
  const parts = new DataView(vector.buffer);
  parts.setBigUint64(0, addressOf(data), true);
  parts.setBigUint64(8, BigInt(data.length), true);
  const view = new DataView(header.buffer);
  header.fill(0);
  view.setBigUint64(0, addressOf(name), true);
  view.setUint32(8, name.length, true);
  view.setBigUint64(16, addressOf(vector), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, addressOf(control), true);
  view.setBigUint64(40, BigInt(control.length), true);
}

function originalDestination(): Address | undefined {
  const view = new DataView(control.buffer);
  const length = new DataView(header.buffer).getUint32(40, true);
  if (length < CONTROL_HEADER_BYTES + 16) return undefined;
  const [level, type] = [view.getInt32(8, true), view.getInt32(12, true)];
  const isDestination = ([4, 6] as const).some(
    (family) => OPTIONS[family].level === level && OPTIONS[family].originalDestination === type,
  );
  return isDestination ? readSocketAddress(view, CONTROL_HEADER_BYTES) : undefined;
}

function fourBytes(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
