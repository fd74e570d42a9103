import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../../src/model/error.ts";
import { LAYOUTS } from "../../../src/native/darwin/layouts.ts";
import {
  decodeAddressChange,
  decodeInterfaceChange,
  decodeInterfaceList,
} from "../../../src/native/darwin/link/interface-message.codec.ts";
import { flagsOf, mtuOf } from "../../../src/native/darwin/link/interface-request.codec.ts";
import { decodeControlId, decodeInterfaceName } from "../../../src/native/darwin/link/utun.codec.ts";
import { decodeStatus, decodeToken, decodeTokens, tokensRequest } from "../../../src/native/darwin/pf.codec.ts";
import { decodeRuleCall, decodeRuleCount, ruleCountRequest } from "../../../src/native/darwin/pf-rule.codec.ts";
import { decodeTeam, decodeWord } from "../../../src/native/darwin/process/code-signature.codec.ts";
import { decodeProcessEvents, KEVENT_BYTES } from "../../../src/native/darwin/process/process-event.codec.ts";
import {
  decodeArguments,
  decodePath,
  decodePids,
  decodeShortInfo,
  decodeSocketAddress,
  decodeSocketDescriptors,
  decodeStartMs,
  decodeUniqueId,
} from "../../../src/native/darwin/process/process-info.codec.ts";
import { PROCESS_LAYOUTS } from "../../../src/native/darwin/process/process-layouts.ts";
import { decodeSocketList } from "../../../src/native/darwin/process/socket-list.codec.ts";
import { cutMessages } from "../../../src/native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage } from "../../../src/native/darwin/route/route-message.codec.ts";
import { cutSockaddrs, decodeNetmask, decodeSockaddr } from "../../../src/native/darwin/sockaddr.codec.ts";
import { decodeTimeval } from "../../../src/native/darwin/timeval.codec.ts";
import { filesBelow, read } from "../../repository/sources.ts";
import { checkProperty } from "../../support/seeded.ts";

type Decode = (bytes: Uint8Array) => unknown;

const TOKEN_BYTES = LAYOUTS.pfioc_token.size;
const request = (argument: Uint8Array) => ({ family: 4, request: 0, argument }) as const;
const frame = (bytes: Uint8Array) => ({ type: bytes[3] ?? 0, bytes });

/** Structs of one size: each with it, in bytes. */
const STRUCTS: Readonly<Record<string, readonly [Decode, number]>> = {
  decodeControlId: [decodeControlId, LAYOUTS.ctl_info.size],
  decodeTimeval: [decodeTimeval, LAYOUTS.timeval.size],
  mtuOf: [(bytes) => mtuOf(request(bytes)), LAYOUTS.ifreq.size],
  flagsOf: [(bytes) => flagsOf(request(bytes)), LAYOUTS.ifreq.size],
  decodeToken: [decodeToken, 8],
  decodeTokens: [(bytes) => decodeTokens(bytes, new Uint8Array(3 * TOKEN_BYTES)), LAYOUTS.pfioc_tokens.size],
  decodeStatus: [decodeStatus, LAYOUTS.pf_status.size],
  decodeRuleCount: [decodeRuleCount, ruleCountRequest().length],
  decodeRuleCall: [decodeRuleCall, ruleCountRequest().length],
  decodeWord: [decodeWord, 4],
  decodeShortInfo: [decodeShortInfo, PROCESS_LAYOUTS.proc_bsdshortinfo.size],
  decodeStartMs: [decodeStartMs, PROCESS_LAYOUTS.proc_bsdinfo.size],
  decodeUniqueId: [decodeUniqueId, PROCESS_LAYOUTS.proc_uniqidentifierinfo.size],
  decodeSocketAddress: [decodeSocketAddress, PROCESS_LAYOUTS.socket_fdinfo.size],
};

/** Lists, messages and texts, of any length. */
const OTHERS: Readonly<Record<string, Decode>> = {
  cutMessages,
  decodeRouteMessage: (bytes) => decodeRouteMessage(frame(bytes)),
  decodeAddressChange: (bytes) => decodeAddressChange(frame(bytes)),
  decodeInterfaceChange: (bytes) => decodeInterfaceChange(frame(bytes)),
  decodeInterfaceList,
  cutSockaddrs: (bytes) => cutSockaddrs(bytes, 0, bytes[0] ?? 0),
  decodeSockaddr,
  decodeNetmask: (bytes) => [decodeNetmask(bytes, 4), decodeNetmask(bytes, 6)],
  decodeInterfaceName: (bytes) => decodeInterfaceName(bytes.subarray(1), (bytes[0] ?? 0) - 8),
  decodePids,
  decodeSocketDescriptors,
  decodeSocketList,
  decodePath,
  decodeArguments,
  decodeProcessEvents: (bytes) => decodeProcessEvents(bytes, Math.floor(bytes.length / KEVENT_BYTES)),
  decodeTeam,
};

const ALL = { ...OTHERS, ...Object.fromEntries(Object.entries(STRUCTS).map(([name, [decode]]) => [name, decode])) };

/** What was thrown; undefined for an answer. */
function thrownBy(decode: () => unknown): unknown {
  try {
    decode();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Bytes of any length, often with a head that looks like a message's: its length, the version, a type. */
const bytes = fc.tuple(fc.uint8Array({ maxLength: 1200 }), fc.nat(20), fc.boolean()).map(([any, type, looksRight]) => {
  if (looksRight && any.length > 4) any.set([any.length & 0xff, any.length >> 8, 5, type]);
  return any;
});

describe("bytes that macOS would never send", () => {
  test("every decoder of the native layer is asked", () => {
    const files = filesBelow("src/native/darwin").filter((name) => name.endsWith(".codec.ts"));
    const declared = files.flatMap((name) =>
      [...read(name).matchAll(/^export function ((?:decode|cut)\w+|\w+Of)\(/gm)].map(([, one = ""]) => one),
    );
    expect(declared.toSorted()).toEqual(Object.keys(ALL).toSorted());
  });

  test.each(Object.entries(ALL))("%s: an answer or an error of the house, whatever comes", (_name, decode) => {
    checkProperty(
      fc.property(bytes, (any) => {
        const error = thrownBy(() => decode(any));
        if (error !== undefined) expect(error).toBeInstanceOf(AwgError);
      }),
      400,
    );
  });

  test.each(Object.entries(STRUCTS))(
    "%s: a struct of another size, cut short or too long, is refused",
    (_name, entry) => {
      const [decode, size] = entry;
      expect(thrownBy(() => decode(new Uint8Array(size)))).toBeUndefined();
      for (const length of [
        ...Array.from({ length: Math.min(size, 200) }, (_, n) => n),
        size - 1,
        size + 1,
        2 * size,
      ]) {
        expect(
          thrownBy(() => decode(new Uint8Array(length).fill(0xff))),
          `${length} bytes`,
        ).toBeInstanceOf(AwgError);
      }
    },
  );

  test("the name of a utun is one, of a length within its buffer", () => {
    const buffer = new Uint8Array(16);
    buffer.set(new TextEncoder().encode("utun7"));
    expect(decodeInterfaceName(buffer, 6)).toBe("utun7");
    for (const length of [-1, 0, 1, 4, 17, 0xffff_ffff]) {
      expect(
        thrownBy(() => decodeInterfaceName(buffer, length)),
        `${length}`,
      ).toBeInstanceOf(AwgError);
    }
    for (const name of ["en0", "utun", "utun123456", "utun7x", "utun\u001b"]) {
      const other = new Uint8Array(16);
      other.set(new TextEncoder().encode(name));
      expect(
        thrownBy(() => decodeInterfaceName(other, 16)),
        name,
      ).toBeInstanceOf(AwgError);
    }
  });

  test("PF's references are never more than there is room for, however many it claims", () => {
    checkProperty(
      fc.property(
        fc.integer({ max: 0x7fff_ffff }),
        fc.integer({ min: 0, max: 5 }),
        fc.nat(83),
        (claimed, count, more) => {
          const { argument } = tokensRequest(count);
          new DataView(argument.buffer).setInt32(0, claimed, true);
          const tokens = decodeTokens(argument, new Uint8Array(count * TOKEN_BYTES + more));
          expect(tokens).toHaveLength(Math.max(0, Math.min(count, Math.floor(claimed / TOKEN_BYTES))));
        },
      ),
    );
  });
});
