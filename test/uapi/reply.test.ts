import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../src/model/error.ts";
import { isCompleteReply, parseUapiDevice, parseUapiErrno } from "../../src/uapi/reply.ts";
import { checkProperty } from "../support/seeded.ts";

const KEY = (byte: string) => byte.repeat(32);

const REPLY = [
  `private_key=${KEY("e8")}`,
  "listen_port=12912",
  "fwmark=1056964608",
  "jc=4",
  "h1=5-10",
  `public_key=${KEY("b8")}`,
  `preshared_key=${KEY("18")}`,
  "protocol_version=1",
  "endpoint=[2607:5300:60:6b0::c05f:543]:2468",
  "last_handshake_time_sec=1700000000",
  "last_handshake_time_nsec=5",
  "tx_bytes=38333",
  "rx_bytes=2224",
  "persistent_keepalive_interval=20-30",
  "allowed_ip=192.168.4.0/24",
  "allowed_ip=fd00::/8",
  `public_key=${KEY("58")}`,
  `preshared_key=${KEY("00")}`,
  "endpoint=182.122.22.19:3233",
  "some_new_field=whatever",
  "errno=0",
  "",
  "",
].join("\n");

describe("parseUapiDevice", () => {
  test("reads what the specification's example says", () => {
    const device = parseUapiDevice(REPLY);
    expect(device).toMatchObject({
      listenPort: 12912,
      fwmark: 0x3f000000,
      obfuscation: { jc: "4", h1: "5-10" },
    });
    expect(device.privateKey).toEqual(new Uint8Array(32).fill(0xe8));
    expect(device.peers).toEqual([
      {
        publicKey: Buffer.alloc(32, 0xb8).toString("base64"),
        presharedKey: new Uint8Array(32).fill(0x18),
        endpoint: "[2607:5300:60:6b0::c05f:543]:2468",
        allowedIPs: ["192.168.4.0/24", "fd00::/8"],
        persistentKeepaliveSeconds: 30,
        leastKeepaliveSeconds: 20,
        lastHandshakeSeconds: 1700000000,
        receivedBytes: 2224,
        sentBytes: 38333,
      },
      {
        publicKey: Buffer.alloc(32, 0x58).toString("base64"),
        endpoint: "182.122.22.19:3233",
        allowedIPs: [],
        persistentKeepaliveSeconds: 0,
        lastHandshakeSeconds: 0,
        receivedBytes: 0,
        sentBytes: 0,
      },
    ]);
  });

  test("an engine without a key has none", () => {
    expect(parseUapiDevice(`private_key=${KEY("00")}\nerrno=0\n\n`)).not.toHaveProperty("privateKey");
    expect(parseUapiDevice("errno=0\n\n").peers).toEqual([]);
  });

  test.each([
    ["listen_port", "listen_port=65536"],
    ["listen_port", "listen_port=1e3"],
    ["fwmark", "fwmark=-1"],
    ["private_key", "private_key=zz"],
    ["public_key", "public_key="],
    ["endpoint", `public_key=${KEY("aa")}\nendpoint=example.com:51820`],
    ["endpoint", `public_key=${KEY("aa")}\nendpoint=1.2.3.4`],
    ["allowed_ip", `public_key=${KEY("aa")}\nallowed_ip=10.0.0.0`],
    ["rx_bytes", `public_key=${KEY("aa")}\nrx_bytes=many`],
  ])("law 8: a %s that cannot be is named, its value is not shown", (key, lines) => {
    const value = lines.slice(lines.lastIndexOf("=") + 1);
    const failure = failureOf(() => parseUapiDevice(`${lines}\nerrno=0\n\n`));
    expect(failure.kind).toBe("host");
    expect(failure.message).toContain(key);
    if (value.length > 2) expect(failure.message).not.toContain(value);
  });

  test("an error of the engine is one of ours", () => {
    expect(parseUapiErrno("errno=-22\n\n")).toBe(22);
    expect(failureOf(() => parseUapiDevice("errno=1\n\n")).message).toContain("error 1");
    expect(failureOf(() => parseUapiDevice("hello\n\n")).message).toContain("errno");
  });

  test("whatever arrives, it is read or refused with a typed error", () => {
    const pieces = fc.constantFrom(...REPLY.split("\n"), "=", "x", "errno=0", "\0", "=\n=", "allowed_ip=");
    checkProperty(
      fc.property(fc.array(pieces), fc.nat(REPLY.length), (lines, cut) => {
        for (const text of [`${lines.join("\n")}\nerrno=0\n\n`, REPLY.slice(0, cut), REPLY.slice(cut)]) {
          try {
            parseUapiDevice(text);
          } catch (error) {
            expect(error).toBeInstanceOf(AwgError);
          }
        }
      }),
    );
  });

  test("a reply is complete with its empty line and no sooner", () => {
    const bytes = new TextEncoder().encode(REPLY);
    expect(isCompleteReply(bytes)).toBe(true);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(isCompleteReply(bytes.subarray(0, length))).toBe(false);
    }
  });
});

function failureOf(act: () => unknown): AwgError {
  try {
    act();
  } catch (error) {
    if (error instanceof AwgError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
