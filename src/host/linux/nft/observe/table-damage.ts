import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { NFT_TABLE } from "../../../../model/ownership.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { readNftChains, readNftTable } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { ObservedSet } from "../../../../native/linux/nftables/set.codec.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { PROXIED, UPLINK_SET } from "../render/chain-names.ts";
import { renderNft } from "../render/render-nft.ts";
import { isOurChain, spreadOf } from "./own-tables.ts";
import { comparePartsOf, partsOfRead, partsOfRendered } from "./table-parts.ts";

/**
 * Compares what the kernel holds with what the policy renders to, rule by rule; [] when they are equal. Which flows are
 * remembered need not be read where nobody else could add one: they may be tens of thousands.
 *
 * @param since what is known of the load: the socket that owns the tables since, and the uplinks it knew
 */
export function tableDamage(
  socket: NetlinkSocket,
  policy: FirewallPolicy,
  identity: string,
  since: { readonly owner?: number | undefined; readonly uplinks?: readonly string[] | undefined },
): string[] {
  const isRead = (set: ObservedSet, table: NftTable) =>
    !set.isFilledByRules || since.owner === undefined || table.ownerPort !== since.owner;
  const chains = readNftChains(socket).filter(isOurChain);
  const spread = spreadOf(chains);
  const devices = spread.flatMap((part) => part.devices);
  const uplinks = since.uplinks ?? uplinksIn(socket);
  // Without these chains the rules that ask for sockets are damage.
  const sockets = chains.some(({ name }) => name === PROXIED);
  const expected = renderNft(policy, { devices, spread, uplinks, identity, ownedTables: false, sockets });
  return expected.flatMap((rendered) => {
    const name = `${rendered.table.family} ${rendered.table.name}`;
    const found = readNftTable(socket, rendered.table.family, rendered.table.name, isRead);
    if (found === undefined) return [`the nf_tables table ${name} is gone`];
    return comparePartsOf(name, partsOfRendered(rendered), partsOfRead(found));
  });
}

/** The uplinks that the table itself names, where nothing else tells which it was loaded with. */
function uplinksIn(socket: NetlinkSocket): string[] {
  const sets = readNftTable(socket, "inet", NFT_TABLE, ({ name }) => name === UPLINK_SET)?.sets ?? [];
  const elements = sets.flatMap(({ name, elements: some }) => (name === UPLINK_SET ? some : []));
  return elements.map(({ from }) => Buffer.from(from).toString().replace(/\0+$/, ""));
}
