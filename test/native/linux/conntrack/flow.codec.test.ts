import { describe, expect, it } from "vitest";
import { MessageWriter } from "../../../../src/native/linux/attribute.codec.ts";
import { decodeFlow, encodeFlowDeletion, type Flow } from "../../../../src/native/linux/conntrack/flow.codec.ts";
import { decodeMessages, type NetlinkMessage } from "../../../../src/native/linux/netlink/message.codec.ts";

/** The kernel's answer for a flow: the deletion's original tuple, the same again as reply, and the rest. */
function answerFor(flow: Flow): NetlinkMessage {
  const deletion = (decodeMessages(encodeFlowDeletion(flow))[0] as NetlinkMessage).payload;
  const reversed = { ...flow, original: flow.reply };
  const reply = (decodeMessages(encodeFlowDeletion(reversed))[0] as NetlinkMessage).payload.slice(4);
  reply[2] = 2;
  const writer = new MessageWriter();
  writer.bytes(deletion);
  writer.bytes(reply.subarray(0, (reply[0] as number) + 256 * (reply[1] as number)));
  writer.attributeU32be(3, flow.status);
  writer.attributeU32be(8, flow.mark);
  if (flow.timeoutSeconds !== undefined) writer.attributeU32be(7, flow.timeoutSeconds);
  return { type: 256, flags: 0, sequence: 1, port: 1, payload: writer.take() };
}

describe("tracked flows", () => {
  const base = { status: 14, mark: 0x51, zone: 0, id: 0xfedcba98, timeoutSeconds: 30 };
  const tcp: Flow = {
    ...base,
    family: 4,
    original: { source: "10.0.0.2", destination: "192.0.2.1", protocol: 6, sourcePort: 40000, destinationPort: 443 },
    reply: { source: "192.0.2.1", destination: "198.51.100.7", protocol: 6, sourcePort: 443, destinationPort: 40000 },
  };
  const ping: Flow = {
    ...base,
    family: 6,
    zone: 7,
    original: { source: "fd00::2", destination: "fd00::1", protocol: 58, icmp: { id: 77, type: 128, code: 0 } },
    reply: { source: "fd00::1", destination: "fd00::2", protocol: 58, icmp: { id: 77, type: 129, code: 0 } },
  };

  it("are read with both tuples, mark, zone and number", () => {
    expect(decodeFlow(answerFor(tcp))).toEqual(tcp);
    expect(decodeFlow(answerFor(ping))).toEqual(ping);
  });

  it("of other kinds of message or family are passed by", () => {
    expect(decodeFlow({ ...answerFor(tcp), type: 258 })).toBeUndefined();
    const bridge = answerFor(tcp);
    bridge.payload[0] = 7;
    expect(decodeFlow(bridge)).toBeUndefined();
  });
});
