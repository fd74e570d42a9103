import {
  counter,
  type Expression,
  limitPackets,
  log,
  masquerade,
  rejectProhibited,
  rejectTcpReset,
  verdict,
} from "../../../../src/native/linux/nftables/expression.ts";
import {
  joinMatches,
  type Match,
  matchIn,
  restoreMark,
  setCtMark,
  setMark,
} from "../../../../src/native/linux/nftables/match.ts";

/** A rule as nft's own language says it, and as awg's builders make it: both must be the same to the kernel. */
export interface RuleCase {
  readonly chain: "out" | "nat" | "raw" | "egress";
  readonly text: string;
  readonly expressions: readonly Expression[];
}

const inet = matchIn("inet");
const netdev = matchIn("netdev");
const accept = [verdict("accept")];
const drop = [verdict("drop")];

function out(text: string, ...parts: readonly Match[]): RuleCase {
  return { chain: "out", text, expressions: joinMatches(...parts) };
}

function egress(text: string, ...parts: readonly Match[]): RuleCase {
  return { chain: "egress", text, expressions: joinMatches(...parts) };
}

export const RULES: readonly RuleCase[] = [
  out(
    "meta mark & 0xff == 0x51 meta skuid 65534 counter accept",
    inet.mark(0x51, 0xff),
    inet.skuid(65534),
    [counter()],
    accept,
  ),
  out(
    "ip saddr 10.8.0.2 ip daddr 10.0.0.0/8 tcp dport 443 accept",
    inet.saddr("10.8.0.2"),
    inet.daddr("10.0.0.0/8"),
    inet.ports("tcp", "dport", 443),
    accept,
  ),
  out(
    "ip6 daddr fd00::/8 udp dport 8000-8999 drop",
    inet.daddr("fd00::/8"),
    inet.ports("udp", "dport", 8000, 8999),
    drop,
  ),
  out("ip daddr != 192.168.0.0/20 drop", inet.daddr("192.168.0.0/20", { not: true }), drop),
  out("meta nfproto ipv4 drop", inet.daddr("0.0.0.0/0"), drop),
  out("ip daddr @lan4 accept", inet.inSet("ip.daddr", "lan4"), accept),
  out("ip6 daddr != @lan6 accept", inet.inSet("ip6.daddr", "lan6", { not: true }), accept),
  out(
    "ip daddr . meta l4proto . th dport @endpoints accept",
    inet.inSet(["ip.daddr", "l4proto", "th.dport"], "endpoints"),
    accept,
  ),
  out("ip6 daddr . th dport @ranges accept", inet.inSet(["ip6.daddr", "th.dport"], "ranges"), accept),
  out("meta skuid @users accept", inet.inSet("skuid", "users"), accept),
  out("meta skuid 1000-2000 accept", inet.range("skuid", 1000, 2000), accept),
  out("meta skgid != 1000-2000 accept", inet.range("skgid", 1000, 2000, { not: true }), accept),
  out('oifname "lo" oif "lo" accept', inet.field("oifname", "lo"), inet.field("oif", 1), accept),
  out('oifname != "lo" accept', inet.field("oifname", "lo", { not: true }), accept),
  out("ct state established,related accept", inet.ctState(["established", "related"]), accept),
  out(
    "ct direction reply ct mark & 0xff == 0x51 accept",
    inet.field("ct.direction", 1),
    inet.field("ct.mark", 0x51, { mask: 0xff }),
    accept,
  ),
  out(
    "icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept",
    inet.icmp("icmpv6", 135),
    inet.field("ip6.hoplimit", 255),
    accept,
  ),
  out("icmp type destination-unreachable icmp code frag-needed accept", inet.icmp("icmp", 3, 4), accept),
  out("fib daddr type local accept", inet.field("fib.daddr.type", 2), accept),
  out("exthdr frag exists drop", inet.ip6Fragment(), drop),
  out("ip frag-off & 0x3fff != 0 drop", inet.ip4Fragment(), drop),
  out("meta l4proto gre drop", inet.field("l4proto", 47), drop),
  out("meta length 100-1000 drop", inet.range("length", 100, 1000), drop),
  out("meta l4proto sctp th dport 53 accept", inet.field("l4proto", 132), inet.ports("th", "dport", 53), accept),
  out("meta skuid 0 meta mark set meta mark & 0xffffff00 ^ 0x51", inet.skuid(0), setMark(0x51, 0xff)),
  out("ct mark set 0x52", setCtMark(0x52)),
  out("meta mark set ct mark & 0xff", restoreMark(0xff)),
  out("meta l4proto tcp reject with tcp reset", inet.field("l4proto", 6), [rejectTcpReset()]),
  out("reject with icmpx admin-prohibited", [rejectProhibited()]),
  out('limit rate 10/second burst 5 packets log prefix "awg: " jump sub', [
    limitPackets(10, 1),
    log("awg: "),
    verdict("jump", "sub"),
  ]),
  out("socket mark 0x5 goto sub", inet.field("socket.mark", 5), [verdict("goto", "sub")]),
  out("meta cgroup 5 return", inet.field("cgroup", 5), [verdict("return")]),
  out("udp sport 68 udp dport 67 accept", inet.ports("udp", "sport", 68), inet.ports("udp", "dport", 67), accept),
  {
    chain: "nat",
    text: 'oifname "lo" masquerade',
    expressions: joinMatches(inet.field("oifname", "lo"), [masquerade()]),
  },
  {
    chain: "raw",
    text: 'iifname "lo" notrack',
    expressions: joinMatches(inet.field("iifname", "lo"), [{ kind: "notrack" }]),
  },
  egress("ip daddr 10.0.0.0/8 udp dport 53 drop", netdev.daddr("10.0.0.0/8"), netdev.ports("udp", "dport", 53), drop),
  egress(
    "arp operation request arp daddr ip 10.0.0.1 drop",
    netdev.field("arp.operation", 1),
    netdev.field("arp.daddr", "10.0.0.1"),
    drop,
  ),
  egress("meta mark 0x5 meta skuid 7 drop", netdev.mark(5), netdev.skuid(7), drop),
  egress("icmpv6 type nd-neighbor-solicit drop", netdev.icmp("icmpv6", 135), drop),
];

/** The tables of the cases in nft's language; `%rules chain%` stands where the rules of a chain go. */
export function tablesAsText(): string {
  const rules = (chain: RuleCase["chain"]) =>
    RULES.map((rule, index) => ({ ...rule, index }))
      .filter((rule) => rule.chain === chain)
      .map(({ text, index }) => `    ${text} comment "case ${index}"`)
      .join("\n");
  return `table inet awg {
  comment "the cases"
  set lan4 { type ipv4_addr; flags interval; elements = { 0.0.0.0/8, 10.0.0.0/8, 192.168.0.0/15, 224.0.0.0/3 } }
  set lan6 { type ipv6_addr; flags interval; elements = { fc00::/7, fe80::/10, ff00::/8 } }
  set endpoints { type ipv4_addr . inet_proto . inet_service; elements = { 192.0.2.1 . udp . 51820, 192.0.2.2 . tcp . 443 } }
  set ranges { type ipv6_addr . inet_service; flags interval; elements = { fd00::/8 . 1000-2000, fe80::1 . 443 } }
  set users { type uid; comment "who may"; elements = { 0, 1000 } }
  chain sub { comment "jumped to"; }
  chain out { type filter hook output priority filter; policy accept;
${rules("out")}
  }
  chain nat { type nat hook postrouting priority srcnat; policy accept;
${rules("nat")}
  }
  chain raw { type filter hook prerouting priority raw; policy drop;
${rules("raw")}
  }
}
table netdev awg {
  chain egress { type filter hook egress device "lo" priority filter; policy accept;
${rules("egress")}
  }
}
`;
}
