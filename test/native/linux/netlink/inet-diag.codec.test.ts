import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../../../src/model/error.ts";
import {
  decodeSocket,
  encodeSocketDump,
  encodeSocketRequest,
} from "../../../../src/native/linux/netlink/inet-diag.codec.ts";
import type { NetlinkMessage } from "../../../../src/native/linux/netlink/message.codec.ts";
import { decodeListener } from "../../../../src/native/linux/netlink/unix-diag.codec.ts";
import { decodeProcessEvent, encodeListenRequest } from "../../../../src/native/linux/process/process-event.codec.ts";
import { checkProperty } from "../../../support/seeded.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function message(type: number, payload: Uint8Array): NetlinkMessage {
  return { type, flags: 0, sequence: 1, port: 0, payload };
}

/** struct inet_diag_msg of a socket of IPv6 that carries IPv4. */
function mapped(): Uint8Array {
  const bytes = new Uint8Array(72);
  const view = new DataView(bytes.buffer);
  bytes[0] = 10;
  view.setUint16(4, 8080);
  view.setUint16(6, 40_000);
  bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1], 8);
  bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 7], 24);
  view.setUint32(64, 1000, true);
  view.setUint32(68, 123_456, true);
  return bytes;
}

describe("sock_diag", () => {
  test("asks for one TCP socket: family, protocol, all states, ports and addresses in network order, no cookie", () => {
    const request = encodeSocketRequest(
      "tcp",
      { address: "127.0.0.1", port: 8080 },
      { address: "192.0.2.7", port: 40_000 },
    );
    expect(hex(request.subarray(0, 8))).toBe("4800000014000000");
    expect(hex(request.subarray(16))).toBe(
      `02060000ffffffff1f909c407f000001${"00".repeat(12)}c0000207${"00".repeat(12)}00000000ffffffffffffffff`,
    );
  });

  test("asks for a UDP socket with its ends swapped, as the kernel has it", () => {
    const request = encodeSocketRequest("udp", { address: "::1", port: 53 }, { address: "2001:db8::9", port: 1 });
    expect(hex(request.subarray(16, 64))).toBe(
      `0a110000ffffffff00010035${"20010db8000000000000000000000009"}${"00".repeat(15)}01${"00".repeat(4)}`,
    );
  });

  test("asks for all with the dump flag", () => {
    const request = encodeSocketDump("udp", 6);
    expect(request.length).toBe(72);
    expect(hex(request.subarray(4, 8))).toBe("14000003");
    expect(hex(request.subarray(16, 24))).toBe("0a110000ffffffff");
  });

  test("reads a socket; IPv4 inside IPv6 is dotted", () => {
    expect(decodeSocket(message(20, mapped()))).toEqual({
      family: 6,
      local: { address: "127.0.0.1", port: 8080 },
      remote: { address: "192.0.2.7", port: 40_000 },
      uid: 1000,
      inode: 123_456,
    });
  });

  test("reads nothing from other messages, and refuses each one that is cut short", () => {
    expect(decodeSocket(message(2, mapped()))).toBeUndefined();
    const other = mapped();
    other[0] = 1;
    expect(decodeSocket(message(20, other))).toBeUndefined();
    for (let length = 0; length < 72; length++) {
      expect(() => decodeSocket(message(20, mapped().subarray(0, length)))).toThrow(AwgError);
    }
  });

  test("no bytes make it crash", () => {
    checkProperty(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        for (const decode of [decodeSocket, decodeListener, decodeProcessEvent]) {
          try {
            decode(message(20, bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(AwgError);
          }
        }
      }),
      2000,
    );
  });
});

describe("the process connector", () => {
  /** struct cn_msg with a struct proc_event of this kind and these words. */
  function event(what: number, ...words: readonly number[]): NetlinkMessage {
    const bytes = new Uint8Array(20 + 16 + 24);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 1, true);
    view.setUint32(4, 1, true);
    view.setUint32(20, what, true);
    for (const [index, word] of words.entries()) view.setUint32(36 + 4 * index, word, true);
    return message(3, bytes);
  }

  test("is subscribed to", () => {
    expect(hex(encodeListenRequest().subarray(16))).toBe(`0100000001000000${"00".repeat(8)}0400000001000000`);
  });

  test("reports exec and exit of processes, not of threads, and its own reply", () => {
    expect(decodeProcessEvent(event(2, 77, 77))).toEqual({ what: "started", pid: 77 });
    expect(decodeProcessEvent(event(0x8000_0000, 77, 77, 9, 17))).toEqual({ what: "ended", pid: 77 });
    expect(decodeProcessEvent(event(0x8000_0000, 78, 77))).toBeUndefined();
    expect(decodeProcessEvent(event(1, 77, 77))).toBeUndefined();
    expect(decodeProcessEvent(event(0, 1))).toEqual({ what: "subscribed", errno: 1 });
  });

  test("messages of other connectors are none", () => {
    const other = event(2, 77, 77);
    other.payload[0] = 9;
    expect(decodeProcessEvent(other)).toBeUndefined();
  });
});
