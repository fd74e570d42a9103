import { fileURLToPath } from "node:url";
import { callLibc, checkedLibc, closeDescriptor } from "../../../src/native/linux/libc.ffi.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const NONBLOCK = 0o4000;

export const WORKER = fileURLToPath(new URL("worker.script.ts", import.meta.url));

/** A pair of datagram sockets: one end for an engine in place of a utun, the other for the machine behind it. */
export interface UtunPair extends Disposable {
  readonly fd: number;
  /** Gives the engine a packet as the kernel would, with the family's word in front; false: no room now. */
  give(packet: Uint8Array): boolean;
  /** What the engine wrote: the four bytes in front, and the packet; undefined: nothing now. */
  take(): { readonly word: string; readonly packet: Uint8Array } | undefined;
}

/** `isEnded`: a pair whose other end is closed, where reading gives nothing and never will. */
export function utunPair({ isEnded = false } = {}): UtunPair {
  const fds = new Int32Array(2);
  const type = (isEnded ? SOCK_SEQPACKET : SOCK_DGRAM) | NONBLOCK;
  checkedLibc("making a pair of sockets", "socketpair", AF_UNIX, type, 0, new Uint8Array(fds.buffer));
  const [fd = -1, outer = -1] = fds;
  if (isEnded) closeDescriptor(outer);
  const buffer = new Uint8Array(70_000);
  return {
    fd,
    give(packet) {
      const isSix = (packet[0] ?? 0) >>> 4 === 6;
      const bytes = Uint8Array.from([0, 0, 0, isSix ? 30 : 2, ...packet]);
      return callLibc("sendto", outer, bytes, bytes.length, 0, null, 0) !== -1;
    },
    take() {
      const got = callLibc("read", outer, buffer, buffer.length);
      if (got <= 0) return undefined;
      const word = Buffer.from(buffer.subarray(0, 4)).toString("hex");
      return { word, packet: buffer.slice(4, got) };
    },
    [Symbol.dispose]: () => {
      for (const one of isEnded ? [fd] : fds) closeDescriptor(one);
    },
  };
}

/** A UDP packet of `size` bytes of either family between the two ends, told apart by its number. */
export function innerPacket(family: 4 | 6, number: number, size: number): Uint8Array {
  const packet = new Uint8Array(size);
  const view = new DataView(packet.buffer);
  const header = family === 4 ? 20 : 40;
  if (family === 4) {
    view.setUint32(0, 0x4500_0000 + size);
    view.setUint32(8, 0x4011_0000);
    view.setUint32(12, 0x0a4d_0001);
    view.setUint32(16, 0x0a4d_0002);
  } else {
    view.setUint32(0, 0x6000_0000);
    view.setUint32(4, ((size - header) << 16) | 0x1140);
    for (const [at, last] of [
      [8, 1],
      [24, 2],
    ] as const) {
      view.setUint16(at, 0xfd77);
      view.setUint8(at + 15, last);
    }
  }
  view.setUint16(header + 4, size - header);
  view.setUint32(header + 8, number);
  for (let at = header + 12; at < size; at += 1) packet[at] = (at * 31 + number) & 0xff;
  return packet;
}

/** Sends packets from one end to the other, at most `window` on their way at once, and gives what came, in its order. */
export async function carry(
  from: UtunPair,
  to: UtunPair,
  packets: readonly Uint8Array[],
  window = 32,
): Promise<{ readonly word: string; readonly packet: Uint8Array }[]> {
  const came: { readonly word: string; readonly packet: Uint8Array }[] = [];
  const deadline = Date.now() + 30_000;
  for (let sent = 0; came.length < packets.length; ) {
    if (Date.now() > deadline) throw new Error(`${came.length} of ${packets.length} packets came in 30 s`);
    while (sent < packets.length && sent - came.length < window && from.give(packets[sent] as Uint8Array)) sent += 1;
    const one = to.take();
    if (one === undefined) await new Promise((resume) => setTimeout(resume, 1));
    else came.push(one);
  }
  return came;
}
