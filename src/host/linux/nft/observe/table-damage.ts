import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { NFT_TABLE } from "../../../../model/ownership.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { readNftTable } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { ObservedSet } from "../../../../native/linux/nftables/set.codec.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { UPLINK_SET } from "../render/chain-names.ts";
import { withoutNumber } from "../render/numbered-sets.ts";
import { renderNft } from "../render/render-nft.ts";
import { ownChains, spreadOf } from "./own-tables.ts";
import { comparePartsOf, partsOfRead, partsOfRendered } from "./table-parts.ts";

/**
 * Compares the kernel's tables with the rendered policy, rule by rule; [] if they are equal. Remembered flows, perhaps tens of
 * thousands, are not read if no other program could add one.
 *
 * @param since facts of the load: the socket that owns the tables, and the uplinks
 */
export function tableDamage(
  socket: NetlinkSocket,
  policy: FirewallPolicy,
  identity: string,
  since: { readonly owner?: number | undefined; readonly uplinks?: readonly string[] | undefined },
): string[] {
  const isRead = (set: ObservedSet, table: NftTable) =>
    !set.isFilledByRules || since.owner === undefined || table.ownerPort !== since.owner;
  const chains = ownChains(socket);
  const spread = spreadOf(chains);
  const devices = spread.flatMap((part) => part.devices);
  const uplinks = since.uplinks ?? uplinksIn(socket);
  const expected = renderNft(policy, { devices, spread, uplinks, identity, ownedTables: false });
  return expected.flatMap((rendered) => {
    const name = `${rendered.table.family} ${rendered.table.name}`;
    const found = readNftTable(socket, rendered.table.family, rendered.table.name, isRead);
    if (found === undefined) return [`the nf_tables table ${name} is gone`];
    const { table, unused } = withoutNumber(found);
    return [
      ...comparePartsOf(name, partsOfRendered(rendered), partsOfRead(table)),
      ...(unused.length === 0
        ? []
        : [`an interrupted load left sets that no rule uses in the nf_tables table ${name}: ${unused.join(", ")}`]),
    ];
  });
}

/** The uplinks in the table itself, if the load's record lacks them. */
function uplinksIn(socket: NetlinkSocket): string[] {
  const sets = readNftTable(socket, "inet", NFT_TABLE, ({ name }) => name === UPLINK_SET)?.sets ?? [];
  const elements = sets.flatMap(({ name, elements: some }) => (name === UPLINK_SET ? some : []));
  return elements.map(({ from }) => Buffer.from(from).toString().replace(/\0+$/, ""));
}
