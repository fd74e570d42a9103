import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { readNftChains, readNftTable } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { ObservedSet } from "../../../../native/linux/nftables/set.codec.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { LABELS } from "../chain-names.ts";
import { renderNft } from "../render-nft.ts";
import { devicesOf, isOurChain } from "./own-tables.ts";
import { comparePartsOf, partsOfRead, partsOfRendered } from "./table-parts.ts";

/**
 * Compares what the kernel holds with what the policy renders to, rule by rule; [] when they are equal. Which flows are
 * remembered need not be read where nobody else could add one: they may be tens of thousands.
 *
 * @param owner the socket that owns the tables since they were loaded
 */
export function tableDamage(
  socket: NetlinkSocket,
  policy: FirewallPolicy,
  identity: string,
  owner: number | undefined,
): string[] {
  const isRead = (set: ObservedSet, table: NftTable) =>
    !set.isFilledByRules || owner === undefined || table.ownerPort !== owner;
  const chains = readNftChains(socket).filter(isOurChain);
  const devices = devicesOf(chains) ?? [];
  // Without that chain the rules that ask for labels are damage.
  const labels = chains.some(({ name }) => name === LABELS);
  const expected = renderNft(policy, { devices, identity, ownedTables: false, labels });
  return expected.flatMap((rendered) => {
    const name = `${rendered.table.family} ${rendered.table.name}`;
    const found = readNftTable(socket, rendered.table.family, rendered.table.name, isRead);
    if (found === undefined) return [`the nf_tables table ${name} is gone`];
    return comparePartsOf(name, partsOfRendered(rendered), partsOfRead(found));
  });
}
