import { ENGINE_MARK, MARK_MASK } from "../../../src/model/ownership.ts";
import { place } from "../../lab/world/place.ts";

/** One of awg's own chains and what is put before its first rule. */
export interface PlantedRule {
  readonly chain: string;
  readonly rule: string;
}

/** One of the ways to break a correct policy that the lab's judge must catch and `awg verify` must find. */
export interface Breakage {
  readonly name: string;
  /** Rules that open it; they are taken out again. */
  readonly planted: readonly PlantedRule[];
  /** Commands in the client's namespace that nobody takes back. */
  readonly commands?: readonly string[];
  /** Probes that must be seen on the wire. */
  readonly probes: readonly string[];
  /** What one of the findings must say, as JSON. */
  readonly finds: RegExp;
  /** The kinds of all findings, in order; flows that are still open from before are the business of the one about them. */
  readonly kinds: readonly string[];
}

const { v4, device } = place;
const ownMark = `meta mark and ${MARK_MASK} == ${ENGINE_MARK}`;
const lan = "ip daddr 192.168.77.0/24";

/** Takes the last route out of every table of awg's. */
const FLUSH_GUARDS = "for f in 4 6; do ip -$f route flush type unreachable table all; done";

/** The same packets past the IP hooks and past the egress hook. */
function outOf(rule: string, frames = rule): PlantedRule[] {
  return [
    { chain: "inet awg leaving", rule: `oifname "${device}" ${rule}` },
    { chain: "netdev awg frames", rule: frames },
  ];
}

/** Rules that open what their name says. Each is looked at, sent through, and taken out again. */
export const PLANTED: readonly Breakage[] = [
  {
    name: "IPv4 only",
    planted: outOf("meta nfproto ipv6 accept", "meta protocol ip6 accept"),
    probes: ["u_udpdevice6", "u_tcpdevice6", "l2_udp6"],
    finds: /"kind":"leak".*IPv6.*"hook":"output"/,
    kinds: ["leak"],
  },
  {
    name: "mark without uid",
    planted: [{ chain: "inet awg steer", rule: `${ownMark} accept` }, ...outOf(`${ownMark} accept`)],
    probes: ["n_markudp4", "n_markudp6"],
    finds: /"kind":"leak".*"mark":1056964608/,
    // DHCP and NDP that keep such a mark do not leave.
    kinds: ["leak", "lock-out", "misroute"],
  },
  {
    name: "endpoint without port",
    planted: outOf(`ip daddr ${v4.server} accept`),
    probes: ["u_epportdevice4", "u_epdevice4", "l2_ep4"],
    finds: new RegExp(`"kind":"leak".*"destination":"${v4.server}"`),
    kinds: ["leak"],
  },
  {
    name: "DNS judged after LAN",
    planted: [{ chain: "inet awg steer", rule: `${lan} goto mark-direct` }, ...outOf(`${lan} accept`)],
    probes: ["u_dnsgateway4", "u_dnsneighbour4"],
    finds: /"kind":"leak".*"destination":"192\.168\.77\.\d+".*"destinationPort":(53|853)/,
    // The rule marks DHCP too, which does not leave then if its next hop is a router.
    kinds: ["leak", "lock-out", "misroute"],
  },
  {
    name: "NAT-invalid source let out",
    planted: [
      { chain: "inet awg source-guard", rule: "accept" },
      ...outOf(`ip saddr ${v4.tunnel} accept`),
      // The kernel asks for the router's address in the name of the packet's source.
      { chain: "netdev awg frames", rule: "meta protocol arp accept" },
    ],
    probes: ["r_spoofed"],
    finds: new RegExp(`"kind":"leak".*"source":"${v4.tunnel}"`),
    // Only the egress table still stops NDP from the tunnel's address: nothing is planted there for IPv6.
    kinds: ["leak", "weakness"],
  },
  {
    name: "no forward chain",
    planted: [
      { chain: "inet awg crossing", rule: "accept" },
      { chain: "inet awg leaving", rule: 'iifname "guest0" accept' },
      { chain: "netdev awg frames", rule: "accept" },
    ],
    probes: ["g_dnsgateway4", "g_dnsgateway6"],
    finds: /"kind":"leak".*"inDevice":"guest0"/,
    kinds: ["leak", "stray"],
  },
  {
    name: "established accepted on the physical link",
    planted: [{ chain: "inet awg entering", rule: "accept" }, ...outOf("ct state established accept", "accept")],
    probes: ["o_tcp4", "o_tcp6"],
    finds: /"kind":"leak".*"tracking":"[^"]*(established|repl)/,
    kinds: ["entry", "leak"],
  },
];

/** Everything passes, and nothing is steered: what opens flows that a policy forbids. */
export const OPEN: readonly PlantedRule[] = [
  { chain: "inet awg steer", rule: "accept" },
  { chain: "inet awg entering", rule: "accept" },
  ...outOf("accept"),
];

/** What lets such flows go on once the policy is back. */
export const HELD: Breakage = {
  name: "no conntrack cut",
  planted: [
    { chain: "inet awg steer", rule: "ct state established accept" },
    { chain: "inet awg entering", rule: "ct state established accept" },
    ...outOf("ct state established accept", "accept"),
  ],
  probes: ["u_udpheld4", "u_udpheld6"],
  // Nothing but the rule that lets it all out opens a flow to the router's resolver.
  finds: /"kind":"open-flow".*192\.168\.77\.2 → 192\.168\.77\.1 port 53/,
  // Steering leaves DHCP and NDP with a mark, so they do not leave.
  kinds: ["entry", "leak", "lock-out", "misroute", "open-flow"],
};

/** What cannot be taken back, each on what the one before left. The device of the tunnel is put in for DEVICE. */
export const WRECKS: readonly Breakage[] = [
  {
    name: "no egress hook",
    planted: [],
    commands: ["nft delete table netdev awg"],
    probes: ["l2_udp4", "l2_udp6", "l2_unknown"],
    finds: /"kind":"leak".*raw frame|"kind":"leak".*"hook":"frame"/,
    kinds: ["leak"],
  },
  {
    name: "policy swapped in two transactions",
    planted: [],
    commands: ["nft delete table inet awg"],
    probes: ["u_udpdevice4", "u_udpdevice6"],
    finds: /"kind":"leak".*"hook":"output"/,
    kinds: ["entry", "leak", "misroute", "stray"],
  },
  {
    name: "retire before flip",
    planted: [],
    commands: ["ip link delete DEVICE", FLUSH_GUARDS],
    probes: ["u_udp4", "u_dns4"],
    finds: /"kind":"misroute"/,
    kinds: ["entry", "leak", "misroute", "stray"],
  },
];

/** Without the kill switch, which would still hold what falls out of the tunnel's table. */
export const UNGUARDED: Breakage = {
  name: "no unreachable default",
  planted: [],
  commands: [FLUSH_GUARDS],
  probes: [],
  finds: /"kind":"misroute","message":"[^"]*vanished/,
  kinds: ["misroute"],
};
