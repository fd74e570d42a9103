import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../../../src/model/error.ts";
import { decodeProcessEvents, encodeProcessWatch } from "../../../../src/native/darwin/process/process-event.codec.ts";
import { decodeArguments } from "../../../../src/native/darwin/process/process-info.codec.ts";
import { decodeSocketList } from "../../../../src/native/darwin/process/socket-list.codec.ts";
import type { FakeSocket } from "../../../host/darwin/fake/processes/process-list.ts";
import { socketList } from "../../../host/darwin/fake/processes/socket-list.ts";
import { checkProperty } from "../../../support/seeded.ts";

/** Runs a decoder: data or one of our errors, never another. */
function survives(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(AwgError);
  }
}

describe("bytes about processes", () => {
  test("arguments: their number, the path, padding, then each; cut off or overwritten ones do no harm", () => {
    const bytes = (count: number, text: string) => Uint8Array.from([count, 0, 0, 0, ...Buffer.from(text)]);
    expect(decodeArguments(bytes(2, "/bin/x\0\0\0\0x\0-v\0HOME=/\0"))).toEqual(["x", "-v"]);
    expect(decodeArguments(bytes(3, "/bin/x\0x\0"))).toEqual(["x"]);
    expect(decodeArguments(bytes(1, "/bin/x"))).toBeUndefined();
    expect(decodeArguments(Uint8Array.of(255, 255, 255, 255, 0))).toBeUndefined();
    expect(decodeArguments(bytes(2, `/x\0${"a".repeat(9000)}\0b\0`))).toEqual(["a".repeat(4096)]);
  });

  test("a watch asks for exit, fork and exec, in the layout that Apple packs to 4 bytes", () => {
    expect(Buffer.from(encodeProcessWatch([258])).toString("hex")).toBe(
      `0201000000000000fbff0100000000e0${"00".repeat(16)}`,
    );
    expect(() => decodeProcessEvents(new Uint8Array(31), 1)).toThrow(AwgError);
  });

  test("more events than there are bytes for are refused; other filters are passed over", () => {
    const other = encodeProcessWatch([5]);
    other[8] = 0xff;
    other[9] = 0xff;
    expect(decodeProcessEvents(other, 1)).toEqual([]);
  });
});

describe("lists of sockets by the ABI table", () => {
  const address = fc.constantFrom("192.0.2.1", "10.0.0.1", "127.0.0.1");
  const port = fc.integer({ min: 1, max: 65_535 });
  const socket = fc.record({
    protocol: fc.constantFrom("tcp" as const, "udp" as const),
    local: fc.tuple(address, port),
    remote: fc.tuple(address, port),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    lastPid: fc.integer({ min: 0, max: 99_999 }),
    behalfPid: fc.integer({ min: 0, max: 99_999 }),
    name: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  });

  test("are read back field by field, with the short and the long record of a socket", () => {
    checkProperty(
      fc.property(fc.array(socket, { maxLength: 6 }), fc.constantFrom(76, 104), (sockets, bytes) => {
        for (const protocol of ["tcp", "udp"] as const) {
          const expected = sockets
            .filter((one) => one.protocol === protocol)
            .map(({ local, remote, uid, lastPid, behalfPid, name }) => ({
              local: { address: local[0], port: local[1] },
              remote: { address: remote[0], port: remote[1] },
              isOfBoth: false,
              uid,
              lastPid,
              behalfPid,
              socket: name,
            }));
          expect(decodeSocketList(socketList({ sockets, socketRecordBytes: bytes }, protocol))).toEqual(expected);
        }
      }),
      100,
    );
  });

  test("a list without its frame at the end is refused, one frame alone is a list of none", () => {
    const one = { protocol: "tcp", local: ["192.0.2.1", 5], remote: ["192.0.2.9", 6], uid: 1, lastPid: 2 } as const;
    const whole = socketList({ sockets: [{ ...one, name: 3n }], socketRecordBytes: 104 }, "tcp");
    const frame = 24;
    expect(decodeSocketList(whole)).toHaveLength(1);
    expect(() => decodeSocketList(whole.subarray(0, whole.length - frame))).toThrow(/does not end/);
    expect(decodeSocketList(whole.subarray(0, frame))).toEqual([]);
  });

  test("cut anywhere, or with any byte changed, they are read or refused, and end", () => {
    const one = { protocol: "tcp", local: ["fe80::1", 5], remote: ["2001:db8::9", 6], uid: 1, lastPid: 2 } as const;
    const sockets: FakeSocket[] = [{ ...one, name: 3n }];
    const whole = socketList({ sockets, socketRecordBytes: 104 }, "tcp");
    expect(decodeSocketList(whole)).toMatchObject([
      { local: { address: "fe80::1" }, remote: { address: "2001:db8::9" } },
    ]);
    for (let length = 0; length < whole.length; length++) survives(decodeSocketList, whole.subarray(0, length));
    checkProperty(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = whole.slice();
        changed[at] = byte;
        survives(decodeSocketList, changed);
      }),
      1000,
    );
  });
});
