import { commitNftChanges, openNetfilterSocket } from "../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeTable } from "../../../src/native/linux/nftables/table.codec.ts";

/** Adds a table as the keeper does for its clients: in a process of its own, which tells by what events name the change. */
using socket = openNetfilterSocket();
const table = encodeTable({ family: "inet", name: process.argv[2] ?? "", owned: false, persistent: false });
process.stdout.write(JSON.stringify(commitNftChanges(socket, [{ message: table, action: "adding a table" }])));
