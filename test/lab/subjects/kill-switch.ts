import { place } from "../world/place.ts";

/** Ways to write a kill switch wrong. Each opens what its name says and nothing else. */
export const weaknesses = [
  "ipv4 only",
  "mark without uid",
  "endpoint without owner",
  "endpoint without port",
  "no egress hook",
  "no forward chain",
  "no conntrack cut",
  "established accepted on the physical link",
  "dns judged after lan",
  "tunnel source let out",
  "multicast let out",
  "icmp let out",
  "arp answered for every address",
  "tunnel's address answered on the link",
] as const;
export type Weakness = (typeof weaknesses)[number];

export interface Policy {
  /** The tunnel's device. */
  readonly tunnel: string;
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly allowLan?: boolean;
  readonly weakness?: Weakness | undefined;
}

const { device, mark } = place;
const discovery = "nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert";
const lan4 = "192.168.77.0/24";
const lan6 = "{ fd77::/64, fe80::/10 }";

/**
 * A whole kill switch as one nft transaction: filter chains for output, input and forward, a net after NAT that keeps
 * the tunnel's addresses off the physical link, and an egress hook against raw frames. Written by hand for the judge's
 * own proof; it shares nothing with the product.
 */
export function killSwitchText(policy: Policy): string {
  const { weakness } = policy;
  const tables = [`table inet ks\ndelete table inet ks`, filterTable(policy)];
  tables.push("table netdev ks\ndelete table netdev ks");
  if (!opensFrames(weakness)) tables.push(egressTable(policy));
  return tables.join("\n");
}

/**
 * Stands at the end of each chain beside `policy drop`. When a table is replaced within one transaction, Linux unhooks
 * the old chain before it puts the new chain's policy in force (nf_tables_commit: the deletion stands first in the
 * batch, a new base chain accepts until its own entry is committed), so that for a moment only the rules count. Measured
 * on 6.18: without this line 2 of 1,000 replacements let a frame out.
 */
const lastRule = "counter drop";

/** The egress hook would stop these holes too, so they are shown without it. */
function opensFrames(weakness: Weakness | undefined): boolean {
  return (
    weakness === "no egress hook" ||
    weakness === "no forward chain" ||
    weakness === "no conntrack cut" ||
    weakness === "established accepted on the physical link"
  );
}

function filterTable(policy: Policy): string {
  const { tunnel, weakness } = policy;
  const established = weakness === "no conntrack cut" || weakness === "established accepted on the physical link";
  const inputOpen = weakness === "established accepted on the physical link";
  const { address, port } = policy.endpoint;
  return `table inet ks {
  chain out { type filter hook output priority 0; policy drop;
    oifname { "lo", "${tunnel}" } accept
    ${established ? "ct state established,related accept" : ""}
    ${granted(policy).join("\n    ")}
    ${lastRule}
  }
  chain in { type filter hook input priority 0; policy ${inputOpen ? "accept" : "drop"};
    iifname "lo" accept
    iifname "${tunnel}" ct state established,related accept
    ${family(address)} saddr ${address} udp sport ${port} accept
    icmpv6 type { nd-router-advert, ${discovery} } ip6 hoplimit 255 accept
    ${weakness === "ipv4 only" ? "meta nfproto ipv6 accept" : ""}
    ${policy.allowLan ? `ip saddr ${lan4} accept\n    ip6 saddr ${lan6} accept` : ""}
    ${weakness === "tunnel's address answered on the link" ? tunnelAnswered : ""}
    ${inputOpen ? "" : lastRule}
  }
  chain forward { type filter hook forward priority 0; policy ${weakness === "no forward chain" ? "accept" : "drop"};
    ${weakness === "ipv4 only" ? "meta nfproto ipv6 accept" : ""}
    ${weakness === "no forward chain" ? "" : lastRule}
  }
  chain after { type filter hook postrouting priority 300; policy accept;
    ${weakness === "tunnel source let out" ? "" : `oifname "${device}" ip saddr ${place.v4.tunnel} drop`}
    ${weakness === "tunnel source let out" ? "" : `oifname "${device}" ip6 saddr ${place.v6.tunnel} drop`}
  }
}`;
}

function egressTable(policy: Policy): string {
  return `table netdev ks {
  chain out { type filter hook egress device "${device}" priority 0; policy drop;
    ether type arp accept
    ${granted(policy).join("\n    ")}
    ${lastRule}
  }
}`;
}

const tunnelAnswered = `ip daddr ${place.v4.tunnel} accept\n    ip6 daddr ${place.v6.tunnel} accept`;

/** The rules of what may leave in clear, the same in the output chain and in the egress hook. */
function granted(policy: Policy): string[] {
  const { weakness } = policy;
  const { address, port } = policy.endpoint;
  const to = `${family(address)} daddr ${address}`;
  const owner = `meta skuid 0 meta mark ${mark}`;
  const endpoint: Partial<Record<Weakness, string>> = {
    "mark without uid": `meta mark ${mark} ${to} udp dport ${port} accept`,
    "endpoint without owner": `${to} udp dport ${port} accept`,
    "endpoint without port": `${to} accept`,
  };
  const holes: Partial<Record<Weakness, string>> = {
    "ipv4 only": "meta protocol ip6 accept",
    "tunnel source let out": `ip saddr ${place.v4.tunnel} accept`,
    "multicast let out": `ip daddr 224.0.0.0/4 accept`,
    "icmp let out": `meta l4proto { icmp, ipv6-icmp } accept`,
  };
  const dns = "meta l4proto { tcp, udp } th dport { 53, 853 } drop";
  const lan = [`ip daddr ${lan4} accept`, `ip6 daddr ${lan6} accept`];
  const local = weakness === "dns judged after lan" ? [...lan, dns] : [dns, ...lan];
  return [
    (weakness && endpoint[weakness]) ?? `${owner} ${to} udp dport ${port} accept`,
    `icmpv6 type { ${discovery} } ip6 hoplimit 255 accept`,
    ...(weakness && holes[weakness] ? [holes[weakness]] : []),
    ...(policy.allowLan ? local : []),
  ];
}

function family(address: string): "ip" | "ip6" {
  return address.includes(":") ? "ip6" : "ip";
}
