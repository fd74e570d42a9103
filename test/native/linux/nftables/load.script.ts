// Runs inside a namespace of its own: loads the cases in one transaction and compares what the kernel gives back.
import { encodeChain, type NftChain, PRIORITY } from "../../../../src/native/linux/nftables/chain.codec.ts";
import type { FieldName, FieldValue, TableFamily } from "../../../../src/native/linux/nftables/field.ts";
import {
  commitNftChanges,
  type NftChange,
  openNetfilterSocket,
  readNftTable,
} from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { encodeSet } from "../../../../src/native/linux/nftables/set.codec.ts";
import { elementOf, encodeElements, type ValueRange } from "../../../../src/native/linux/nftables/set-element.codec.ts";
import { encodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";
import { RULES } from "./rule-table.ts";

const inet = { family: "inet", table: "awg" } as const;
const changes: NftChange[] = [];
const add = (action: string, message: Uint8Array) => changes.push({ action, message });
const chain = (one: NftChain) => add(`adding chain ${one.name}`, encodeChain(one));

interface SetCase {
  readonly name: string;
  readonly fields: readonly FieldName[];
  readonly intervals: boolean;
  readonly comment?: string;
  readonly values: readonly (readonly (FieldValue | ValueRange)[])[];
}

const SETS: readonly SetCase[] = [
  {
    name: "lan4",
    fields: ["ip.daddr"],
    intervals: true,
    values: [["10.0.0.0/8"], ["192.168.0.0/16"], ["224.0.0.0/3"], ["192.169.0.0/16"], ["0.0.0.0/8"]],
  },
  { name: "lan6", fields: ["ip6.daddr"], intervals: true, values: [["fc00::/7"], ["fe80::/10"], ["ff00::/8"]] },
  {
    name: "endpoints",
    fields: ["ip.daddr", "l4proto", "th.dport"],
    intervals: false,
    values: [
      ["192.0.2.1", 17, 51820],
      ["192.0.2.2", 6, 443],
    ],
  },
  {
    name: "ranges",
    fields: ["ip6.daddr", "th.dport"],
    intervals: true,
    values: [
      ["fd00::/8", { from: 1000, to: 2000 }],
      ["fe80::1", 443],
    ],
  },
  { name: "users", fields: ["skuid"], intervals: false, comment: "who may", values: [[0], [1000]] },
];

add("adding table inet awg", encodeTable({ family: "inet", name: "awg", comment: "the cases" }));
for (const [index, { values, ...set }] of SETS.entries()) {
  const identity = { ...inet, name: set.name, intervals: set.intervals, concatenated: set.fields.length > 1 };
  add(`adding set ${set.name}`, encodeSet({ ...inet, ...set }, index + 1));
  const elements = values.map((value) => elementOf(set.fields, value));
  for (const message of encodeElements(identity, elements)) add(`filling set ${set.name}`, message);
}
const accept = { type: "filter", policy: "accept", priority: PRIORITY.filter } as const;
chain({ ...inet, name: "sub", comment: "jumped to" });
chain({ ...inet, name: "out", base: { ...accept, hook: "output" } });
chain({ ...inet, name: "nat", base: { ...accept, type: "nat", hook: "postrouting", priority: PRIORITY.srcnat } });
chain({ ...inet, name: "raw", base: { ...accept, hook: "prerouting", priority: PRIORITY.raw, policy: "drop" } });
add("adding table netdev awg", encodeTable({ family: "netdev", name: "awg" }));
chain({ family: "netdev", table: "awg", name: "egress", base: { ...accept, hook: "egress", devices: ["lo"] } });
for (const [index, { chain: name, expressions }] of RULES.entries()) {
  const family: TableFamily = name === "egress" ? "netdev" : "inet";
  add(`adding case ${index}`, encodeRule({ family, table: "awg", chain: name, expressions, comment: `case ${index}` }));
}

using socket = openNetfilterSocket();
commitNftChanges(socket, changes);
const contents = (["inet", "netdev"] as const).map((family) => readNftTable(socket, family, "awg"));
const differing: string[] = [];
const hex = (_key: string, value: unknown) => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "bigint" ? String(value) : value;
};
for (const rule of contents.flatMap((table) => table?.rules ?? [])) {
  const sent = RULES[Number(rule.comment?.replace("case ", ""))];
  const [back, there] = [rule.expressions, sent?.expressions].map((list) => JSON.stringify(list, hex));
  if (back !== there) differing.push(`${sent?.text}: ${back} is not ${there}`);
}
process.stdout.write(
  JSON.stringify({
    rules: contents.flatMap((table) => table?.rules ?? []).length,
    differing,
    chains: contents.flatMap((table) => table?.chains ?? []),
    sets: (contents[0]?.sets ?? []).map(({ elements, ...set }) => ({ ...set, count: elements.length })),
    comment: contents[0]?.table.comment,
  }),
);
