/**
 * A program of 210 bytes without a C library, for x86-64: it reads records of 128 bytes, makes the system call in the first
 * seven words (number and arguments), and writes its result. Bytes 64 to 127 of a record are data at `DATA_ADDRESS`.
 *
 * Assembled from: read(0, 0x400200, 128); exit unless 128; load rax rdi rsi rdx r10 r8 r9; syscall; write(1, result, 8).
 */
const CODE = Buffer.from(
  "31c031ffbe00024000ba800000000f053d80000000753abb00024000488b03488b7b08488b7310488b53184c8b53204c8b43284c8b4b300f0548" +
    "8903b801000000bf0100000089deba080000000f05ebafb83c00000031ff0f05",
  "hex",
);
const BASE = 0x400000;
const HEADERS = 0x78;
const RECORD_BYTES = 128;
const DATA_OFFSET = 64;
const DATA_ADDRESS = 0x400240;

/** Numbers of system calls (arch/x86/entry/syscalls/syscall_64.tbl). */
const CALL = { close: 3, socket: 41, connect: 42, sendto: 44, bind: 49 } as const;
/** SOCK_NONBLOCK of linux/net.h. */
const NON_BLOCKING = 0o4000;

/** The program as an ELF file with one segment (elf(5)). */
export function staticProgram(): Uint8Array {
  const file = Buffer.alloc(HEADERS + CODE.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(BASE + HEADERS), 24);
  file.writeBigUInt64LE(64n, 32);
  for (const [value, at] of [
    [64, 52],
    [56, 54],
    [1, 56],
  ] as const)
    file.writeUInt16LE(value, at);
  file.writeUInt32LE(1, 64);
  file.writeUInt32LE(7, 68);
  for (const at of [80, 88]) file.writeBigUInt64LE(BigInt(BASE), at);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(0x1000n, 104);
  file.writeBigUInt64LE(0x1000n, 112);
  file.set(CODE, HEADERS);
  return file;
}

/** What the program is to send: from a port, one datagram or SYN. */
export interface Order {
  readonly protocol: "tcp" | "udp";
  readonly from: number;
  readonly address: string;
  readonly port: number;
}

/** The records for one order. The program starts with descriptors 0 to 2, so its socket is the third. */
export function recordsOf({ protocol, from, address, port }: Order): Uint8Array {
  const isSix = address.includes(":");
  const family = isSix ? 10 : 2;
  const kind = (protocol === "tcp" ? 1 : 2) | NON_BLOCKING;
  const length = isSix ? 28 : 16;
  const here = socketAddress(isSix ? "::" : "0.0.0.0", from);
  const there = socketAddress(address, port);
  return Buffer.concat([
    record(CALL.socket, [family, kind, 0]),
    record(CALL.bind, [3, DATA_ADDRESS, length], here),
    protocol === "tcp"
      ? record(CALL.connect, [3, DATA_ADDRESS, length], there)
      : record(CALL.sendto, [3, DATA_ADDRESS, 1, 0, DATA_ADDRESS, length], there),
    record(CALL.close, [3]),
  ]);
}

/** Bytes that the program writes for one order. */
export const RESULT_BYTES = 4 * 8;

function record(number: number, args: readonly number[], data: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = Buffer.alloc(RECORD_BYTES);
  for (const [index, word] of [number, ...args].entries()) bytes.writeBigUInt64LE(BigInt(word), 8 * index);
  bytes.set(data, DATA_OFFSET);
  return bytes;
}

/** A socket address (ip(7), ipv6(7)). */
function socketAddress(address: string, port: number): Uint8Array {
  const isSix = address.includes(":");
  const bytes = Buffer.alloc(isSix ? 28 : 16);
  bytes.writeUInt16LE(isSix ? 10 : 2, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(isSix ? bytesOfSix(address) : address.split(".").map(Number), isSix ? 8 : 4);
  return bytes;
}

function bytesOfSix(address: string): Uint8Array {
  const bytes = Buffer.alloc(16);
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => text.split(":").filter(Boolean);
  const zeros = new Array<string>(8 - groups(head).length - groups(tail).length).fill("0");
  for (const [index, group] of [...groups(head), ...zeros, ...groups(tail)].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  }
  return bytes;
}
