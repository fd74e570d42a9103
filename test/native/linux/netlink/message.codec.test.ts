import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageWriter } from "../../../../src/native/linux/attribute.codec.ts";
import {
  acknowledgementError,
  decodeAcknowledgement,
  decodeMessages,
  encodeMessage,
  messageFlags,
  type NetlinkMessage,
  NLM,
  NLMSG,
  stampMessage,
} from "../../../../src/native/linux/netlink/message.codec.ts";
import { checkProperty } from "../../../support/seeded.ts";

function answer(flags: number, write: (writer: MessageWriter) => void, type: number = NLMSG.error): NetlinkMessage {
  const writer = new MessageWriter();
  write(writer);
  return { type, flags, sequence: 1, port: 1, payload: writer.take() };
}

describe("netlink messages", () => {
  it("lie one behind the other in a datagram and come apart again", () => {
    const one = fc.record({
      type: fc.integer({ min: 16, max: 0xffff }),
      flags: fc.integer({ min: 0, max: 0xffff }),
      sequence: fc.integer({ min: 0, max: 0xffffffff }),
      body: fc.uint8Array({ maxLength: 60 }).map((bytes) => bytes.subarray(0, bytes.length & ~3)),
    });
    checkProperty(
      fc.property(fc.array(one, { maxLength: 8 }), (messages) => {
        const encoded = messages.map(({ type, flags, sequence, body }) => {
          const bytes = encodeMessage(type, 0, (writer) => writer.bytes(body));
          stampMessage(bytes, 0, flags, sequence);
          expect(messageFlags(bytes)).toBe(flags);
          return bytes;
        });
        const datagram = Uint8Array.from(encoded.flatMap((bytes) => [...bytes]));
        expect(decodeMessages(datagram)).toEqual(
          messages.map(({ type, flags, sequence, body }) => ({ type, flags, sequence, port: 0, payload: body })),
        );
      }),
    );
  });

  it("are refused when a length reaches outside the datagram", () => {
    const bytes = encodeMessage(16, 0, (writer) => writer.u32(1));
    expect(() => decodeMessages(bytes.subarray(0, bytes.length - 1))).toThrow("cannot read");
    expect(() => decodeMessages(new Uint8Array(16))).toThrow("cannot read");
  });

  it("leave the shared writer clean after a body that threw", () => {
    const fail = () => {
      throw new Error("no");
    };
    expect(() => encodeMessage(16, 0, fail)).toThrow("no");
    expect(encodeMessage(16, 0, (writer) => writer.u32(7))).toHaveLength(20);
  });
});

describe("acknowledgements", () => {
  const request = new Uint8Array(16);

  it("of success have errno 0", () => {
    const said = decodeAcknowledgement(
      answer(NLM.capped, (writer) => {
        writer.u32(0);
        writer.bytes(request);
      }),
    );
    expect(said).toEqual({ errno: 0, note: undefined, offset: undefined });
  });

  it("carry the kernel's words and the offset, behind a capped or a whole echo", () => {
    for (const echo of [16, 40]) {
      const message = answer(NLM.ackTlvs | (echo === 16 ? NLM.capped : 0), (writer) => {
        writer.u32(-17 >>> 0);
        writer.u32(echo);
        writer.bytes(new Uint8Array(echo - 4));
        writer.attributeText(1, "Device not found");
        writer.attributeU32(2, 28);
      });
      const said = decodeAcknowledgement(message);
      expect(said).toEqual({ errno: 17, note: "Device not found", offset: 28 });
      expect(acknowledgementError("adding a link", said)).toMatchObject({
        kind: "conflict",
        message: 'adding a link failed: already exists (EEXIST); the kernel says "Device not found"',
        facts: { errno: "EEXIST", offset: 28 },
      });
    }
  });

  it("that end a dump may be empty or carry an error", () => {
    expect(decodeAcknowledgement(answer(0, () => {}, NLMSG.done)).errno).toBe(0);
    expect(decodeAcknowledgement(answer(0, (writer) => writer.u32(-4 >>> 0), NLMSG.done)).errno).toBe(4);
  });

  it("that claim to echo more than is there are refused", () => {
    const message = answer(NLM.ackTlvs, (writer) => {
      writer.u32(-1 >>> 0);
      writer.u32(4000);
      writer.bytes(new Uint8Array(12));
    });
    expect(() => decodeAcknowledgement(message)).toThrow("cannot read");
  });
});
