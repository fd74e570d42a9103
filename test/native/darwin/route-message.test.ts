import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AwgError } from "../../../src/model/error.ts";
import { ROUTE } from "../../../src/native/darwin/constants.ts";
import {
  decodeAddressChange,
  decodeInterfaceChange,
  decodeInterfaceList,
} from "../../../src/native/darwin/link/interface-message.codec.ts";
import { cutMessages } from "../../../src/native/darwin/route/message-frames.codec.ts";
import {
  decodeRouteMessage,
  encodeRouteRequest,
  type RouteMessage,
} from "../../../src/native/darwin/route/route-message.codec.ts";
import {
  cutSockaddrs,
  decodeNetmask,
  decodeSockaddr,
  encodeInet,
  encodeNetmask,
} from "../../../src/native/darwin/sockaddr.codec.ts";
import { bytesOf, darwinOutputs } from "../../support/facts.ts";
import { checkProperty } from "../../support/seeded.ts";

/** Destination, gateway and netmask of an address area (RTA_DST|RTA_GATEWAY|RTA_NETMASK). */
function area(bytes: Uint8Array, family: 4 | 6) {
  const [destination, gateway, netmask] = cutSockaddrs(bytes, 0, 7);
  if (destination === undefined || gateway === undefined || netmask === undefined) throw new Error("an area has three");
  return {
    destination: decodeSockaddr(destination),
    gateway: decodeSockaddr(gateway),
    length: decodeNetmask(netmask, family),
  };
}

const inet = (family: 4 | 6, address: string, scope = 0) => ({ kind: "inet", family, address, port: 0, scope });
const link = (index: number, name = "") => ({ kind: "link", index, name });

/** By the beginning of the output's name: what each address area says; the captured ones are read where they are. */
const AREAS: Readonly<Record<string, readonly [family: 4 | 6, destination: object, gateway: object, length: number]>> =
  {
    "1": [4, inet(4, "192.0.2.0"), link(4), 24],
    "2": [4, inet(4, "100.64.0.0"), link(21, "utun12"), 10],
    "3": [6, inet(6, "2001:db8:1::"), inet(6, "fe80::200:5eff:fe10:1", 33), 48],
    "4": [6, inet(6, "::"), inet(6, "fe80::5eff:fe10:1"), 0],
    "5": [6, inet(6, "::"), inet(6, "fe80::200:5eff:fe10:1", 33), 48],
    "golang-net-1": [4, inet(4, "192.168.86.0"), link(4), 24],
    "golang-net-2": [4, inet(4, "100.113.0.0"), link(33, "utun4319"), 16],
    "golang-net-3": [6, inet(6, "fd84:1b4e:6281::"), inet(6, "fe80::f22f:4bff:fe09:3bff", 33), 48],
    "golang-net-4": [6, inet(6, "::"), inet(6, "fe80::2d0:4cff:fe10:15d2"), 0],
    "golang-net-5": [6, inet(6, "::"), inet(6, "fe80::f22f:4bff:fe09:3bff", 33), 48],
  };
const HEADERS: Readonly<Record<string, object>> = {
  "6": { pid: 4711, sequence: 7 },
  "golang-net-6": { pid: 0x11b, sequence: 0x5af5 },
};
const outputs = darwinOutputs("raw-route-sockaddrs").map((output) => ({
  ...output,
  key: /^(?:golang-net-)?[0-9]/.exec(output.name)?.[0] ?? "",
}));

function only(bytes: Uint8Array): RouteMessage {
  const [frame] = cutMessages(bytes);
  const message = frame && decodeRouteMessage(frame);
  if (message === undefined) throw new Error("no message");
  return message;
}

describe("the bytes of a routing socket", () => {
  it.each(outputs.filter(({ key }) => HEADERS[key] === undefined))("$origin/$name: an address area", (output) => {
    const [family, destination, gateway, length] = AREAS[output.key] ?? [];
    expect(area(bytesOf(output), family ?? 4)).toEqual({ destination, gateway, length });
  });

  it.each(outputs.filter(({ key }) => HEADERS[key] !== undefined))("$origin/$name: a whole message", (output) => {
    expect(only(bytesOf(output))).toMatchObject({
      ...{ type: ROUTE.RTM_GET, flags: 0x01000803, errno: 3, ...HEADERS[output.key] },
      ...{ destination: "0.0.0.0", prefixLength: 0, gateway: undefined },
    });
  });
});

const family = fc.constantFrom<4 | 6>(4, 6);
const prefix = family.chain((is) =>
  fc.tuple(
    fc.constant(is),
    is === 4 ? fc.ipV4() : fc.ipV6().filter((text) => !/^(fe[89ab]|ff)/i.test(text)),
    fc.nat({ max: is === 4 ? 32 : 128 }),
  ),
);

describe("a route message", () => {
  it("comes back as it was written, and says its own length", () => {
    checkProperty(
      fc.property(
        prefix,
        fc.nat({ max: 0xffff }),
        fc.boolean(),
        fc.integer(),
        ([is, address, length], index, direct, sequence) => {
          const bytes = encodeRouteRequest({
            type: ROUTE.RTM_ADD,
            flags: ROUTE.RTF_UP | ROUTE.RTF_STATIC | ROUTE.RTF_PROTO3,
            destination: { family: is, address, length },
            nextHop: direct ? { interfaceIndex: index } : { address: is === 4 ? "192.0.2.1" : "fe80::1", scope: index },
            pid: 4711,
            sequence,
          });
          expect(bytes.length % 4).toBe(0);
          const message = only(bytes);
          expect(message).toMatchObject({ type: 1, pid: 4711, sequence, prefixLength: length, family: is });
          expect(encodeInet(message.destination ?? "")).toEqual(encodeInet(address));
          expect(message.gateway).toMatchObject(
            direct
              ? { kind: "link", index }
              : { kind: "inet", address: is === 4 ? "192.0.2.1" : "fe80::1", scope: is === 4 ? 0 : index },
          );
          expect((message.flags & ROUTE.RTF_GATEWAY) !== 0).toBe(!direct);
          expect((message.flags & ROUTE.RTF_HOST) !== 0).toBe(length === (is === 4 ? 32 : 128));
        },
      ),
    );
  });

  it("is these bytes for the lower half of the internet through interface 17", () => {
    const bytes = encodeRouteRequest({
      type: ROUTE.RTM_ADD,
      flags: ROUTE.RTF_UP | ROUTE.RTF_STATIC,
      destination: { family: 4, address: "0.0.0.0", length: 1 },
      nextHop: { interfaceIndex: 17 },
      pid: 1,
      sequence: 2,
    });
    expect(Buffer.from(bytes).toString("hex")).toBe(
      `9000050100000000010800000700000001000000020000000000000000000000${"00".repeat(60)}` +
        "10020000000000000000000000000000" +
        "1412110000000000000000000000000000000000" +
        "10020000800000000000000000000000",
    );
  });

  it("is refused when scoped to no interface: the kernel would take the unscoped route", () => {
    const scoped = () =>
      encodeRouteRequest({
        type: ROUTE.RTM_DELETE,
        flags: ROUTE.RTF_IFSCOPE,
        destination: { family: 4, address: "0.0.0.0", length: 0 },
        pid: 1,
        sequence: 1,
      });
    expect(scoped).toThrow(AwgError);
  });

  it("with bits set for addresses that are missing at its end reads as without them", () => {
    const bytes = encodeRouteRequest({
      type: ROUTE.RTM_GET,
      flags: 0,
      destination: { family: 4, address: "198.51.100.7", length: 32 },
      pid: 1,
      sequence: 1,
    });
    bytes[12] = 0xff;
    expect(only(bytes)).toMatchObject({ destination: "198.51.100.7", gateway: undefined });
  });
});

describe("a netmask", () => {
  it("keeps its length however much of its tail is trimmed", () => {
    checkProperty(
      fc.property(prefix, ([is, , length]) => {
        const mask = encodeNetmask(is, length);
        const used = mask.findLastIndex((byte, at) => byte !== 0 && at >= 4) + 1;
        const trimmed = mask.slice(0, used);
        trimmed[0] = used;
        trimmed[1] = 0xff;
        expect(decodeNetmask(mask, is)).toBe(length);
        expect(decodeNetmask(trimmed, is)).toBe(length);
      }),
    );
  });

  it("with a hole has no length", () => {
    const mask = encodeNetmask(4, 24);
    mask[5] = 0;
    expect(decodeNetmask(mask, 4)).toBeUndefined();
  });
});

/** A list of messages of which each is well formed, then spoilt by one change. */
const spoilt = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.constantFrom(1, 4, 7, 0xc, 0xd, 0xe, 0x12, 0x13, 0x14, 0xff),
        fc.uint8Array({ minLength: 4, maxLength: 200 }),
      ),
      { maxLength: 6 },
    ),
    fc.option(fc.tuple(fc.nat({ max: 1000 }), fc.nat({ max: 255 }))),
    fc.nat({ max: 1000 }),
  )
  .map(([messages, flip, cut]) => {
    const bytes = Uint8Array.from(
      messages.flatMap(([type, body]) => [
        body.length & 0xff,
        body.length >> 8,
        ROUTE.RTM_VERSION,
        type,
        ...body.subarray(4),
      ]),
    );
    if (flip !== null && bytes.length > 0) bytes[flip[0] % bytes.length] = flip[1];
    return cut % 3 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
  });

function errorOf(read: () => unknown): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("hostile bytes", () => {
  it("give messages, nothing or an error of the house: never a crash, never an endless loop", () => {
    checkProperty(
      fc.property(fc.oneof(spoilt, fc.uint8Array({ maxLength: 400 })), (bytes) => {
        const error = errorOf(() => {
          for (const frame of cutMessages(bytes)) {
            for (const decode of [decodeRouteMessage, decodeAddressChange, decodeInterfaceChange]) {
              const failure = errorOf(() => decode(frame));
              if (failure !== undefined) expect(failure).toBeInstanceOf(AwgError);
            }
          }
          decodeInterfaceList(bytes);
        });
        if (error !== undefined) expect(error).toBeInstanceOf(AwgError);
      }),
      2000,
    );
  });

  it.each([0, 1, 3])("a length of %i ends the reading with an error", (length) => {
    expect(() => cutMessages(Uint8Array.of(length, 0, 5, 1, 0, 0, 0, 0))).toThrow(AwgError);
  });

  it("a length past the end is an error", () => {
    expect(() => cutMessages(Uint8Array.of(9, 0, 5, 1, 0, 0, 0, 0))).toThrow(AwgError);
  });

  it("H2: a message of another version is an error, of the socket's as of a table's: none is an empty one", () => {
    const known = Uint8Array.of(8, 0, 5, 1, 0, 0, 0, 0);
    expect(cutMessages(known)).toHaveLength(1);
    for (const version of [0, 4, 6, 255]) {
      const other = Uint8Array.of(8, 0, version, 1, 0, 0, 0, 0);
      for (const bytes of [other, Uint8Array.of(...known, ...other)]) {
        expect(() => cutMessages(bytes)).toThrow(`version ${version} of the routing protocol`);
        expect(() => decodeInterfaceList(bytes)).toThrow(AwgError);
      }
    }
  });

  it("sockaddrs of random bytes end at the end", () => {
    checkProperty(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer(), (bytes, present) => {
        for (const one of cutSockaddrs(bytes, 0, present)) {
          if (one === undefined) continue;
          decodeSockaddr(one);
          for (const is of [4, 6] as const) decodeNetmask(one, is);
        }
      }),
    );
  });
});
