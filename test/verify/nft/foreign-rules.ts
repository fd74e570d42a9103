import fc from "fast-check";
import type { Packet } from "../../../src/model/firewall/packet.ts";
import { renderIp } from "../../../src/model/ip.ts";
import { SEED } from "../../support/seeded.ts";
import type { Meddling } from "./agreement.ts";
import type { Sample } from "./sampled-packets.ts";

/** A rule's condition about a packet; undefined where the packet has not what the form asks for. */
type Form = (packet: Packet) => string | undefined;

const NAMES: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };
const isOld = ({ destination }: Packet) => destination.family === 4;
const ip = (packet: Packet) => (isOld(packet) ? "ip" : "ip6");
const ends = (packet: Packet) => [renderIp(packet.source), renderIp(packet.destination)] as const;

/** Of other protocols conntrack takes a lone packet for invalid or new by what it carries. */
function tracked(text: (packet: Packet) => string): Form {
  return (packet) => (packet.protocol === 17 ? text(packet) : undefined);
}

/** Forms of packets with ports. */
function ported(text: (protocol: string, source: number, destination: number, packet: Packet) => string): Form {
  return (packet) => {
    const { protocol, sourcePort, destinationPort } = packet;
    const name = NAMES[protocol];
    if (name === undefined || sourcePort === undefined || destinationPort === undefined) return undefined;
    return text(name, sourcePort, destinationPort, packet);
  };
}

/** What nft and other programs write; nft makes one load of neighbouring fields, and sets and maps of braces. */
const FORMS: readonly Form[] = [
  ported((name, source, destination) => `${name} sport ${source} ${name} dport ${destination}`),
  ported((name, source, destination) => `${name} sport . ${name} dport { ${source} . ${destination}, 9 . 9 }`),
  ported((_name, source, destination) => `th sport != ${source} th dport ${destination}`),
  ported((name, _source, destination) => `${name} dport { ${destination}, 7000-7009, 1 }`),
  ported(
    (name, _source, destination, packet) =>
      `meta l4proto ${name} ${ip(packet)} daddr ${ends(packet)[1]} th dport >= ${destination}`,
  ),
  ported((name, source, destination) => `meta l4proto . th dport { ${name} . ${destination} } th sport <= ${source}`),
  ported((_name, _source, destination) => `@th,16,16 ${destination}`),
  ported((_name, source, destination) => `@th,0,32 ${source * 65_536 + destination}`),
  (packet) => `${ip(packet)} saddr ${ends(packet)[0]} ${ip(packet)} daddr ${ends(packet)[1]}`,
  (packet) => `${ip(packet)} saddr . ${ip(packet)} daddr { ${ends(packet).join(" . ")} }`,
  (packet) => (isOld(packet) ? `ip ttl ${packet.hopLimit ?? 64} ip protocol ${packet.protocol}` : undefined),
  (packet) =>
    isOld(packet) ? `@nh,64,16 & 0xf0ff == ${((packet.hopLimit ?? 64) & 0xf0) * 256 + packet.protocol}` : undefined,
  (packet) => `${ip(packet)} daddr ${ends(packet)[1]}/${isOld(packet) ? 20 : 44} meta skuid ${packet.uid ?? 0}`,
  (packet) =>
    `oifname "${packet.outDevice}" meta skuid != { ${packet.uid ?? 0} } ${ip(packet)} daddr ${ends(packet)[1]}`,
  tracked((packet) => `meta l4proto udp ${ip(packet)} daddr ${ends(packet)[1]} ct state { new, related }`),
];

const VERDICTS = ["drop", "drop", "drop", "accept", "goto refuse"];

/** A map from a field of the packet to verdicts, one of them for its own value. */
const MAPS: readonly Form[] = [
  ported((name, _source, destination) => `${name} dport vmap { ${destination} : goto refuse, 1-2 : accept, 5 : drop }`),
  ported(
    (name, source, destination) =>
      `${name} sport . ${name} dport vmap { ${source} . ${destination} : drop, 1 . 1 : accept }`,
  ),
  tracked(
    (packet) =>
      `meta l4proto udp ${ip(packet)} daddr ${ends(packet)[1]} ct state vmap { established : accept, new : drop }`,
  ),
  (packet) => `${ip(packet)} daddr vmap { ${ends(packet)[1]} : drop }`,
];

/** Rules of iptables, whose extensions the kernel keeps as such. */
const EXTENSIONS: readonly Form[] = [
  ported(
    (name, source, destination) =>
      `-p ${name} -m multiport --dports ${Math.min(1, source)},${destination}:${destination + 1}`,
  ),
  ported((name, source) => `-p ${name} -m multiport --sports ${source}`),
  ported((name, source, destination) => `-p ${name} --sport ${source} --dport ${destination}`),
  (packet) => `-m owner --uid-owner ${packet.uid ?? 0} -d ${ends(packet)[1]}`,
  (packet) => `-m owner ! --uid-owner ${packet.uid ?? 0} -d ${ends(packet)[1]}`,
  (packet) => `-m iprange --dst-range ${ends(packet)[1]}-${ends(packet)[1]}`,
  tracked((packet) => `-p udp -m conntrack --ctstate NEW,RELATED -m comment --comment x -d ${ends(packet)[1]}`),
  (packet) =>
    packet.icmpType === undefined
      ? undefined
      : `-p ${isOld(packet) ? "icmp --icmp-type" : "icmpv6 --icmpv6-type"} ${packet.icmpType}`,
];

/** Another program's rules at the output hook, drawn so that each meets a sample: the rules of nft and of iptables. */
export function foreignRules(samples: readonly Sample[], count: number, hasIptables: boolean): Meddling {
  const sent = samples.flatMap(({ packet, isFrame }) => (isFrame || packet.hook !== "output" ? [] : [packet]));
  const one = <T>(values: readonly T[]) => fc.constantFrom(...values);
  const drawn = <T>(forms: readonly Form[], others: readonly T[], size: number) =>
    fc
      .sample(fc.tuple(one(sent), one(forms), one(others)), { seed: SEED, numRuns: size })
      .flatMap(([packet, form, other]) => {
        const text = form(packet);
        return text === undefined ? [] : [{ text, other, packet }];
      });
  const rules = drawn(FORMS, VERDICTS, count).map(({ text, other }) => `${text} counter ${other}`);
  const maps = drawn(MAPS, [""], count / 4).map(({ text }) => text);
  const kept = hasIptables ? drawn(EXTENSIONS, ["DROP", "REJECT", "ACCEPT"], count / 2) : [];
  return {
    name: "another program's rules",
    commands: [
      "add table inet theirs",
      "add chain inet theirs refuse",
      "add rule inet theirs refuse limit rate 1/minute log prefix x",
      "add rule inet theirs refuse drop",
      "add chain inet theirs out { type filter hook output priority 0; policy accept; }",
      ...[...rules, ...maps].map((rule) => `add rule inet theirs out ${rule}`),
    ],
    programs: kept.map(({ text, other, packet }) => [
      isOld(packet) ? "iptables-nft" : "ip6tables-nft",
      ..."-w -A OUTPUT".split(" "),
      ...text.split(" "),
      "-j",
      other,
    ]),
  };
}
