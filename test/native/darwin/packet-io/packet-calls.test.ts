import { describe, expect, it } from "vitest";
import { darwinPacketCalls, type RawPacketCalls } from "../../../../src/native/darwin/packet-io/packet-calls.ffi.ts";
import { encodeInet } from "../../../../src/native/darwin/sockaddr.codec.ts";
import { readSocketAddress, writeSocketAddress } from "../../../../src/native/linux/packet-io/socket-address.codec.ts";
import { createArena } from "../../../../src/native/memory/arena.ffi.ts";
import { abiTable } from "../../../facts/darwin/abi-table.ts";

const MESSAGE_BYTES = 64;
const FOUR = { address: Uint8Array.of(192, 0, 2, 7), port: 51_820, scope: 0 };
const SIX = { address: Uint8Array.of(0xfe, 0x80, ...new Array<number>(13).fill(0), 9), port: 4, scope: 5 };
/** As the codec of the routing socket writes them, whose layout is compared with Apple's headers. */
const DARWIN = [encodeInet("192.0.2.7", { port: 51_820 }), encodeInet("fe80::9", { port: 4, scope: 5 })] as const;

/** Messages to send or fill, and calls below that record and answer. */
function world(raw: (arena: ReturnType<typeof createArena>) => Partial<RawPacketCalls>) {
  const arena = createArena(1024 * 1024);
  const messages = arena.reserve(8 * MESSAGE_BYTES);
  const names = arena.reserve(8 * 32);
  for (let index = 0; index < 8; index += 1) {
    arena.view.setBigUint64(messages + index * MESSAGE_BYTES, BigInt(arena.base + names + index * 32), true);
  }
  const refuse = () => {
    throw new Error("this call was not expected");
  };
  const none = { poll: refuse, read: refuse, write: refuse, sendmsg: refuse, recvmsg: refuse, clockGettime: refuse };
  const calls = darwinPacketCalls(arena, { ...none, errno: () => 0, ...raw(arena) });
  const nameOf = (index: number) => arena.bytes.slice(names + index * 32, names + index * 32 + 28);
  return { arena, calls, names, nameOf, first: arena.base + messages, messages };
}

describe("the loop's calls on macOS", () => {
  it("send a message at a time, its address with a length and Darwin's family, also when it is sent once more", () => {
    const seen: Uint8Array[] = [];
    const answers = [100, -1, 100];
    const { arena, calls, names, messages, first } = world(({ bytes, view, base }) => ({
      errno: () => 35,
      sendmsg: (fd, message, flags) => {
        expect([fd, flags]).toEqual([7, 0x80]);
        // msg_control beside a msg_controllen of 0 is EINVAL there (sendit of bsd/kern/uipc_syscalls.c).
        expect(view.getBigUint64(message - base + 32, true), "empty control data is named").toBe(0n);
        const index = (message - first) / MESSAGE_BYTES;
        seen.push(bytes.slice(names + index * 32, names + index * 32 + (DARWIN[index]?.length ?? 0)));
        expect(base).toBe(arena.base);
        return answers.shift() ?? 0;
      },
    }));
    writeSocketAddress(arena.view, names, FOUR);
    writeSocketAddress(arena.view, names + 32, SIX);
    for (const at of [messages, messages + MESSAGE_BYTES]) arena.view.setBigUint64(at + 32, 0x7000n, true);
    expect(calls.sendmmsg(7, first, 2)).toBe(1);
    expect(calls.errno()).toBe("EAGAIN");
    expect(calls.sendmmsg(7, first + MESSAGE_BYTES, 1)).toBe(1);
    expect(seen).toEqual([DARWIN[0], DARWIN[1], DARWIN[1]]);
  });

  it.each([
    [35, "EAGAIN"],
    [40, "EMSGSIZE"],
    [49, "EADDRNOTAVAIL"],
    [51, "ENETUNREACH"],
    [55, "ENOBUFS"],
    [65, "EHOSTUNREACH"],
  ])("name errno %i %s, whatever Linux calls that number", (number, name) => {
    const { calls, first, arena, names } = world(() => ({ errno: () => number, sendmsg: () => -1, recvmsg: () => -1 }));
    writeSocketAddress(arena.view, names, FOUR);
    expect([calls.sendmmsg(7, first, 1), calls.errno()]).toEqual([-1, name]);
    expect([calls.recvmmsg(7, first, 1), calls.errno()]).toEqual([-1, name]);
  });

  it("receive until nothing is left, and give the loop addresses as it knows them", () => {
    const { arena, calls, names, messages, first } = world(({ bytes, view, base }) => ({
      errno: () => 35,
      recvmsg: (_fd, message) => {
        const index = (message - first) / MESSAGE_BYTES;
        expect(view.getUint32(message - base + 40, true), "no room for control data").toBe(0);
        if (index === 2) return -1;
        bytes.set(DARWIN[index] as Uint8Array, names + index * 32);
        return 1000 + index;
      },
    }));
    for (let index = 0; index < 8; index += 1) arena.view.setUint32(messages + index * MESSAGE_BYTES + 40, 64, true);
    expect(calls.recvmmsg(7, first, 8)).toBe(2);
    expect(readSocketAddress(arena.view, names)).toEqual(FOUR);
    expect(readSocketAddress(arena.view, names + 32)).toEqual(SIX);
    const lengths = [0, 1].map((index) => arena.view.getUint32(messages + index * MESSAGE_BYTES + 56, true));
    expect(lengths).toEqual([1000, 1001]);
  });

  it("put a packet's family in front of it, in network order, and take it away", () => {
    const written: string[] = [];
    const reads = [24, 4, 0];
    const { arena, calls, messages } = world(({ bytes, base }) => ({
      read: (_fd, into, length) => {
        expect([into - base, length]).toEqual([messages + 60, 104]);
        return reads.shift() ?? -1;
      },
      write: (_fd, from, length) => {
        written.push(Buffer.from(bytes.subarray(from - base, from - base + length)).toString("hex"));
        return length;
      },
    }));
    const at = messages + 64;
    arena.bytes.set([0x45, 1, 2, 3], at);
    calls.write(3, arena.base + at, 4);
    arena.bytes.set([0x60, 1, 2, 3], at);
    calls.write(3, arena.base + at, 4);
    expect(written).toEqual(["0000000245010203", "0000001e60010203"]);
    expect([calls.read(3, arena.base + at, 100), calls.read(3, arena.base + at, 100)]).toEqual([20, 0]);
    expect([calls.read(3, arena.base + at, 100), calls.errno()]).toEqual([-1, "ENODEV"]);
  });

  it("take no packet in pieces, and count time by the clock that goes on asleep", () => {
    const { calls } = world(({ view, base }) => ({
      clockGettime: (clock, into) => {
        expect(clock).toBe(4);
        view.setBigUint64(into - base, 12n, true);
        view.setBigUint64(into - base + 8, 345_999_999n, true);
        return 0;
      },
    }));
    expect([calls.writev(3, 0, 1), calls.errno()]).toEqual([-1, "ENOTSUP"]);
    expect(calls.bootTimeMs()).toBe(12_345);
  });
});

describe("struct msghdr", () => {
  it("has its fields where the loop's messages have theirs", () => {
    const { msghdr } = abiTable.structs;
    expect(msghdr?.size).toBeLessThanOrEqual(56);
    const fields = Object.entries(msghdr?.fields ?? {});
    expect(fields.map(([name, [offset, bytes]]) => [name, offset, bytes])).toEqual([
      ["msg_name", 0, 8],
      ["msg_namelen", 8, 4],
      ["msg_iov", 16, 8],
      ["msg_iovlen", 24, 4],
      ["msg_control", 32, 8],
      ["msg_controllen", 40, 4],
      ["msg_flags", 44, 4],
    ]);
  });
});
