import { MARK_MASK, markOfPath, NFT_TABLE, PATH_NUMBERS, TABLE_MARK } from "../../../../model/ownership.ts";
import { PRIORITY } from "../../../../native/linux/nftables/chain.codec.ts";
import { verdict } from "../../../../native/linux/nftables/expression.ts";
import { setMark } from "../../../../native/linux/nftables/match.ts";
import { NEIGHBOURS } from "./chain-names.ts";
import type { InetTableOptions } from "./inet-table.ts";
import { type Chain, type RenderedTable, renderedTable, rule } from "./rendered-table.ts";
import { TableSets } from "./table-sets.ts";

/**
 * Renders the arp table, which marks ARP where it arrives (S6.6). Before the kernel replies it looks up the route to the sender,
 * as it does for packets (arp_process of net/ipv4/arp.c), and the table inet sees no ARP. A packet of IP pays nothing for it.
 */
export function renderArpTable({ owned }: Pick<InetTableOptions, "owned">): RenderedTable {
  const marked = [...setMark(markOfPath(PATH_NUMBERS.direct), MARK_MASK), verdict("accept")];
  const chain: Chain = {
    name: NEIGHBOURS,
    hook: { type: "filter", hook: "input", priority: PRIORITY.filter, policy: "accept" },
    comment: "S6.6 ARP requests",
    rules: [rule([], marked, "S6.6 by a physical device")],
  };
  const table = { family: "arp", name: NFT_TABLE, owned, persistent: owned, comment: TABLE_MARK } as const;
  return renderedTable(table, new TableSets(table), [chain]);
}
