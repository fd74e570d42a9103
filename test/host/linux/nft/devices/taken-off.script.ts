import { text } from "node:stream/consumers";
import { NFT_TABLE } from "../../../../../src/model/ownership.ts";
import { encodeChainDeletion } from "../../../../../src/native/linux/nftables/chain.codec.ts";
import {
  commitNftChanges,
  openNetfilterSocket,
  readNftChains,
} from "../../../../../src/native/linux/nftables/nft-netlink.ffi.ts";

/** Run inside a namespace: takes a device off one chain of ours, as anybody with CAP_NET_ADMIN may whom no owner hinders. */
const { chain, device }: { readonly chain: string; readonly device: string } = JSON.parse(await text(process.stdin));
using socket = openNetfilterSocket();
const found = readNftChains(socket).find(({ table, name }) => table === NFT_TABLE && name === chain);
if (found?.base === undefined) throw new Error(`there is no chain ${chain}`);
const message = encodeChainDeletion({ ...found, base: { ...found.base, devices: [device] } });
commitNftChanges(socket, [{ message, action: `taking ${device} off ${chain}` }]);
process.stdout.write("{}");
