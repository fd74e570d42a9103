import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AwgError } from "../../../../src/model/error.ts";
import { decodeFlow } from "../../../../src/native/linux/conntrack/flow.codec.ts";
import {
  decodeAcknowledgement,
  decodeMessages,
  type NetlinkMessage,
} from "../../../../src/native/linux/netlink/message.codec.ts";
import { decodeChain } from "../../../../src/native/linux/nftables/chain.codec.ts";
import { decodeGeneration } from "../../../../src/native/linux/nftables/generation.codec.ts";
import { decodeNftRule } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { decodeSet } from "../../../../src/native/linux/nftables/set.codec.ts";
import { decodeElements } from "../../../../src/native/linux/nftables/set-element.codec.ts";
import { decodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";
import { decodeAddress } from "../../../../src/native/linux/rtnetlink/interface-address.codec.ts";
import { decodeLink } from "../../../../src/native/linux/rtnetlink/link.codec.ts";
import { decodeNeighbour } from "../../../../src/native/linux/rtnetlink/neighbour.codec.ts";
import { decodeRoute } from "../../../../src/native/linux/rtnetlink/route.codec.ts";
import { decodeRule } from "../../../../src/native/linux/rtnetlink/rule.codec.ts";
import { decodeDiscipline, decodeFilter } from "../../../../src/native/linux/rtnetlink/traffic-control.codec.ts";
import { checkProperty } from "../../../support/seeded.ts";

const recorded: { what: string; hex: string }[] = JSON.parse(
  readFileSync(new URL("kernel-messages.json", import.meta.url), "utf8"),
);

const identity = { family: "inet", table: "awg", name: "lan", intervals: true, concatenated: false } as const;
const DECODERS: Readonly<Record<string, (message: NetlinkMessage) => unknown>> = {
  link: decodeLink,
  address: decodeAddress,
  route: decodeRoute,
  rule: decodeRule,
  neighbour: decodeNeighbour,
  discipline: decodeDiscipline,
  filter: decodeFilter,
  table: decodeTable,
  chain: decodeChain,
  "nft rule": decodeNftRule,
  set: decodeSet,
  elements: (message) => decodeElements(identity, [message]),
  flow: decodeFlow,
  generation: decodeGeneration,
  acknowledgement: decodeAcknowledgement,
};

const messages = recorded.map(({ what, hex }) => {
  const [message] = decodeMessages(Uint8Array.from(Buffer.from(hex, "hex")));
  return { what, message: message as NetlinkMessage };
});

/** The only two ends there may be: an answer, or an error of the host. */
function decodesOrRefuses(decode: (message: NetlinkMessage) => unknown, message: NetlinkMessage): void {
  try {
    decode(message);
  } catch (error) {
    if (!(error instanceof AwgError && error.kind === "host")) throw error;
  }
}

describe("messages recorded from a real kernel", () => {
  it("are all understood", () => {
    expect(new Set(recorded.map(({ what }) => what)).size).toBe(14);
    const found: unknown[] = messages.map(({ what, message }) => DECODERS[what]?.(message));
    expect(found.filter((one) => one === undefined)).toEqual([]);
    const text = JSON.stringify(found, (_key, value) => (typeof value === "bigint" ? String(value) : value));
    expect(text).not.toContain('"kind":"unknown"');
    for (const word of ["10.7.0.1/24", "recorded", "unreachable", "fd07::2", "endpoints", "clsact"]) {
      expect(text).toContain(word);
    }
    // A filter of tc with an action.
    expect(found).toContain(true);
  });

  it("cut short at any byte end in an answer or an error, never in a crash", () => {
    for (const { what, message } of messages) {
      const decode = DECODERS[what] as (message: NetlinkMessage) => unknown;
      for (let length = 0; length < message.payload.length; length++) {
        decodesOrRefuses(decode, { ...message, payload: message.payload.subarray(0, length) });
      }
    }
  });

  it("with any bytes changed end in an answer or an error, whichever decoder gets them", () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const decoders = Object.values(DECODERS);
    checkProperty(
      fc.property(fc.nat(), fc.nat(), fc.array(change, { minLength: 1, maxLength: 8 }), (which, how, changes) => {
        const { message } = messages[which % messages.length] as (typeof messages)[number];
        const payload = message.payload.slice();
        for (const [at, byte] of changes) payload[at % payload.length] = byte;
        const decode = decoders[how % decoders.length] as (message: NetlinkMessage) => unknown;
        decodesOrRefuses(decode, { ...message, payload });
      }),
      5000,
    );
  });

  it("of random bytes end in an answer or an error", () => {
    const types = messages.map(({ message }) => message.type);
    checkProperty(
      fc.property(fc.nat(), fc.uint8Array({ maxLength: 120 }), (which, payload) => {
        for (const decode of Object.values(DECODERS)) {
          const type = types[which % types.length] as number;
          decodesOrRefuses(decode, { type, flags: 0x200, sequence: 1, port: 0, payload });
        }
      }),
      1000,
    );
  });
});
