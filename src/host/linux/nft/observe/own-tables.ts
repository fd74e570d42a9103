import { NFT_TABLE } from "../../../../model/ownership.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import type { NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import { readNftTables } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { FRAMES, IDENTITY_CHAIN } from "../render/chain-names.ts";
import type { SpreadPart } from "../render/chains/spread-devices.ts";

/** awg's tables, whatever their content. */
export function ownTables(socket: NetlinkSocket): NftTable[] {
  return readNftTables(socket).filter(isOurTable);
}

/** The name of these chains' policy, from their own comment; empty if there is none. */
export function identityOf(chains: readonly NftChain[]): string {
  const chain = chains.find(({ family, name }) => family === "inet" && name === IDENTITY_CHAIN);
  return chain?.comment ?? "";
}

/**
 * The existing copies of an egress chain (or of another spread base chain), by number; [] if there is none. Some kernels delete
 * a chain with its last device, so a number may be missing.
 */
export function spreadOf(chains: readonly NftChain[], chain = FRAMES): readonly SpreadPart[] {
  const copy = new RegExp(`^${chain}(?:-([0-9]+))?$`);
  return chains
    .filter(({ family }) => family === "netdev")
    .flatMap(({ name, base }) => {
      const found = copy.exec(name);
      return found === null ? [] : [{ number: Number(found[1] ?? 1), devices: base?.devices ?? [] }];
    })
    .toSorted((a, b) => a.number - b.number);
}

function isOurTable({ family, name }: Pick<NftTable, "family" | "name">): boolean {
  return name === NFT_TABLE && (family === "inet" || family === "netdev");
}

/** Whether a chain is in one of awg's tables. */
export function isOurChain({ family, table }: NftChain): boolean {
  return isOurTable({ family, name: table });
}
