import { type Packet, PROTOCOL, TOO_BIG } from "../../../src/model/firewall/packet.ts";
import { parseIp, renderIp } from "../../../src/model/ip.ts";
import { ENGINE_MARK, markOfPath } from "../../../src/model/ownership.ts";
import { GUEST } from "../../host/linux/nft/two-ends.ts";
import { SERVICE_UID } from "../../model/firewall/policies.ts";
import { routeTo, type Sample } from "./sampled-packets.ts";

/** Whoever answers wears these in turn. */
const USERS = [0, 1000, SERVICE_UID, 1550];
const MARKS = [0, markOfPath(1), ENGINE_MARK];
const ROUTER = { 4: parseIp("192.0.2.9"), 6: parseIp("2001:db8::2") } as const;
const IS_UNICAST = /^(?!22[4-9]\.|23\d\.|255\.|ff)/;

/** Flows that a single datagram opens; of other protocols conntrack wants more than one packet. */
function opensFlow({ packet, isFrame }: Sample): boolean {
  return !isFrame && packet.protocol === PROTOCOL.udp && IS_UNICAST.test(renderIp(packet.destination));
}

/** The answer to the flow that this sample opens, if it does, and a router's error about what this machine sent in it. */
export function answersTo(sample: Sample, index: number): Sample[] {
  if (!opensFlow(sample)) return [];
  const { packet } = sample;
  const answer: Sample = { packet: answerTo(packet, index), isFrame: false, tracking: "answer" };
  return packet.hook === "output" ? [answer, tooBig(packet)] : [answer];
}

/** The same packet once more, when its flow was answered. */
export function moreOf(sample: Sample): Sample[] {
  return opensFlow(sample) ? [{ ...sample, tracking: "established" }] : [];
}

function answerTo(packet: Packet, index: number): Packet {
  const { source, destination, sourcePort = 0, destinationPort = 0, protocol, inDevice = "", outDevice = "" } = packet;
  const ends = { source: destination, destination: source, protocol, hopLimit: 64 };
  const turned = { ...ends, sourcePort: destinationPort, destinationPort: sourcePort };
  if (packet.hook === "output") return { hook: "input", ...turned, inDevice: outDevice };
  const [uid = 0, mark = 0] = [USERS[index % USERS.length], MARKS[index % MARKS.length]];
  if (packet.hook === "input") return { hook: "output", ...turned, outDevice: inDevice, uid, mark };
  const way = inDevice === GUEST.device ? GUEST.device : routeTo(source);
  return { hook: "forward", ...turned, inDevice: outDevice, outDevice: way };
}

function tooBig(packet: Packet): Sample {
  const { family } = packet.destination;
  const { protocol, type } = TOO_BIG[family];
  const source = ROUTER[family] ?? packet.destination;
  const inDevice = packet.outDevice ?? "";
  const error: Packet = { hook: "input", source, destination: packet.source, protocol, icmpType: type, inDevice };
  return { packet: error, isFrame: false, tracking: "related-answer", tellsOf: packet };
}
