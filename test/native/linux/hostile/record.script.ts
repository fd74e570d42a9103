// Records what a real kernel says: run it as root inside a fresh network namespace and redirect its output to
// kernel-messages.json. Each entry is one datagram in hex, so that decoders can be tested anywhere.
import { execFileSync } from "node:child_process";
import { encodeFlowDump } from "../../../../src/native/linux/conntrack/flow.codec.ts";
import { callLibc } from "../../../../src/native/linux/libc.ffi.ts";
import { encodeMessage, type NetlinkMessage } from "../../../../src/native/linux/netlink/message.codec.ts";
import type { NetlinkSocket } from "../../../../src/native/linux/netlink/netlink-socket.ffi.ts";
import { encodeChain, encodeChainDump } from "../../../../src/native/linux/nftables/chain.codec.ts";
import { counter, log, verdict } from "../../../../src/native/linux/nftables/expression.ts";
import { encodeGenerationRequest } from "../../../../src/native/linux/nftables/generation.codec.ts";
import { joinMatches, matchIn, setCtMark } from "../../../../src/native/linux/nftables/match.ts";
import { commitNftChanges, openNetfilterSocket } from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule, encodeRuleListing } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { encodeSet, encodeSetDump } from "../../../../src/native/linux/nftables/set.codec.ts";
import {
  elementOf,
  encodeElementDump,
  encodeElements,
} from "../../../../src/native/linux/nftables/set-element.codec.ts";
import { encodeTable, encodeTableDump } from "../../../../src/native/linux/nftables/table.codec.ts";
import { encodeAddressDump } from "../../../../src/native/linux/rtnetlink/interface-address.codec.ts";
import { encodeLinkDump } from "../../../../src/native/linux/rtnetlink/link.codec.ts";
import { encodeNeighbourDump } from "../../../../src/native/linux/rtnetlink/neighbour.codec.ts";
import { encodeRouteDump } from "../../../../src/native/linux/rtnetlink/route.codec.ts";
import { openRouteNetlink } from "../../../../src/native/linux/rtnetlink/route-netlink.ffi.ts";
import { encodeRuleDump } from "../../../../src/native/linux/rtnetlink/rule.codec.ts";
import {
  CLASSIFY,
  encodeDisciplineDump,
  encodeFilterDump,
} from "../../../../src/native/linux/rtnetlink/traffic-control.codec.ts";

using net = openRouteNetlink();
using netfilter = openNetfilterSocket();
const recorded: { what: string; hex: string }[] = [];

function again({ type, flags, payload }: NetlinkMessage): string {
  return Buffer.from(encodeMessage(type, flags, (writer) => writer.bytes(payload))).toString("hex");
}

function record(what: string, socket: NetlinkSocket, request: Uint8Array, most = 8): void {
  for (const message of socket.dump(request, `recording ${what}`).slice(0, most))
    recorded.push({ what, hex: again(message) });
}

net.changeLink(1, { up: true });
net.createLink({ name: "left", kind: "veth", peerName: "right", up: true, alias: "recorded" });
const left = net.link("left")?.index ?? 0;
net.changeLink(net.link("right")?.index ?? 0, { up: true });
net.addAddress({
  family: 4,
  linkIndex: left,
  address: "10.7.0.1/24",
  scope: 0,
  flags: 0,
  protocol: 97,
  broadcast: "10.7.0.255",
});
net.addAddress({ family: 6, linkIndex: left, address: "fd07::1/64", scope: 0, flags: 2, protocol: 97 });
const base = { table: 51820, protocol: 158, priority: 0 } as const;
net.changeRoutes([
  { verb: "create", route: { ...base, family: 4, destination: "0.0.0.0/0", type: "unreachable" } },
  { verb: "create", route: { ...base, family: 6, destination: "::/0", type: "unreachable" } },
  {
    verb: "create",
    route: { ...base, family: 4, destination: "10.10.0.0/16", type: "unicast", oif: left, gateway: "fd07::2" },
  },
  {
    verb: "create",
    route: {
      ...base,
      family: 4,
      destination: "10.13.0.0/16",
      type: "unicast",
      mtu: 1300,
      nextHops: [
        { oif: left, gateway: "10.7.0.2", weight: 1 },
        { oif: left, gateway: "10.7.0.3", weight: 7 },
      ],
    },
  },
]);
net.addRule({
  family: 4,
  priority: 98,
  action: "table",
  table: 51820,
  uids: { from: 1000, to: 1001 },
  ipProtocol: 17,
  destinationPorts: { from: 53, to: 53 },
  mark: 0x51,
  mask: 0xff,
  iif: "left",
  protocol: 158,
});

const at = { family: "inet", table: "awg" } as const;
const inet = matchIn("inet");
const endpoints = {
  ...at,
  name: "endpoints",
  fields: ["ip.daddr", "th.dport"],
  intervals: true,
  comment: "e",
} as const;
const lan = { ...at, name: "lan", fields: ["ip.daddr"], intervals: true } as const;
const expressions = joinMatches(
  inet.mark(0x51, 0xff),
  inet.daddr("10.0.0.0/8"),
  inet.range("skuid", 5, 6),
  inet.ports("udp", "dport", 53, 60),
  inet.ctState(["new"]),
  inet.ip6Fragment({ not: true }),
  inet.field("fib.daddr.type", 2),
  inet.inSet("ip.daddr", "lan"),
  [counter(), log("x")],
  setCtMark(7),
  [verdict("accept")],
);
const hook = { type: "filter", hook: "output", priority: 0, policy: "accept" } as const;
commitNftChanges(
  netfilter,
  [
    encodeTable({ family: "inet", name: "awg", owned: true, persistent: true, comment: "t" }),
    encodeChain({ ...at, name: "out", base: hook, comment: "c" }),
    encodeChain({ ...at, name: "sub" }),
    encodeSet(endpoints, 1),
    encodeSet(lan, 2),
    ...encodeElements({ ...endpoints, concatenated: true }, [
      elementOf(endpoints.fields, ["10.0.0.0/8", { from: 1, to: 9 }]),
    ]),
    ...encodeElements({ ...lan, concatenated: false }, [elementOf(lan.fields, ["10.0.0.0/8"])]),
    encodeRule({ ...at, chain: "out", expressions, comment: "r" }),
    encodeRule({ ...at, chain: "out", expressions: [verdict("jump", "sub")] }),
    encodeTable({ family: "netdev", name: "awg" }),
    encodeChain({
      family: "netdev",
      table: "awg",
      name: "e",
      base: { ...hook, hook: "egress", devices: ["lo", "left"] },
    }),
  ].map((message) => ({ action: "preparing", message })),
);
for (const [protocol, port] of [
  [17, 53],
  [1, 0],
] as const) {
  const socket = callLibc("socket", 2, protocol === 1 ? 3 : 2, protocol === 1 ? 1 : 0);
  const to = Uint8Array.of(2, 0, 0, port, 10, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0);
  callLibc("sendto", socket, Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1), 8, 0, to, 16);
  callLibc(
    "sendto",
    socket,
    Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1),
    8,
    0,
    to.with(4, 127).with(5, 0).with(7, 1),
    16,
  );
}

for (const line of [
  "qdisc add dev left clsact",
  "filter add dev left egress prio 1 protocol ip u32 match ip dport 53 0xffff action mirred egress redirect dev right",
  "filter add dev left ingress prio 2 protocol all u32 match u32 0 0 action mirred ingress mirror dev lo",
])
  execFileSync("tc", line.split(" "));
const classic = ["bpf", "bytecode", "1,6 0 0 4294967295", "action", "mirred", "egress", "mirror", "dev", "right"];
execFileSync("tc", [..."filter add dev left egress prio 3 protocol all".split(" "), ...classic]);

record("link", net.socket, encodeLinkDump());
record("address", net.socket, encodeAddressDump());
record("route", net.socket, encodeRouteDump(4, { table: 51820 }));
record("route", net.socket, encodeRouteDump(6, { table: 51820 }));
record("rule", net.socket, encodeRuleDump(4));
record("neighbour", net.socket, encodeNeighbourDump());
record("discipline", net.socket, encodeDisciplineDump());
for (const parent of Object.values(CLASSIFY)) record("filter", net.socket, encodeFilterDump(left, parent));
record("table", netfilter, encodeTableDump());
record("chain", netfilter, encodeChainDump());
record("nft rule", netfilter, encodeRuleListing());
record("set", netfilter, encodeSetDump());
record("elements", netfilter, encodeElementDump(endpoints));
record("elements", netfilter, encodeElementDump(lan));
record("flow", netfilter, encodeFlowDump());
for (const message of netfilter.request(encodeGenerationRequest(), "recording"))
  recorded.push({ what: "generation", hex: again(message) });
process.stdout.write(`${JSON.stringify(recorded, null, 2)}\n`);
