import { ipToBytes, parseIp } from "../../../model/ip.ts";
import { NAME_SET_PREFIX, NFT_TABLE } from "../../../model/ownership.ts";
import { openNetfilterSocket, readNftTable } from "../../../native/linux/nftables/nft-netlink.ffi.ts";

/** The dynamic sets of awg's table that hold this address now (rule S4.14), without the suffix of an IP version. */
export function setsHolding(address: string): readonly string[] {
  const ip = parseIp(address);
  if (ip === undefined) return [];
  const [wanted, suffix] = [Buffer.from(ipToBytes(ip)), `-v${ip.family}`];
  using socket = openNetfilterSocket();
  const isOf = ({ name }: { readonly name: string }) => name.startsWith(NAME_SET_PREFIX) && name.endsWith(suffix);
  const sets = readNftTable(socket, "inet", NFT_TABLE, isOf)?.sets.filter(isOf) ?? [];
  return sets
    .filter(({ elements }) => elements.some(({ from }) => wanted.equals(from)))
    .map(({ name }) => name.slice(0, -suffix.length));
}
