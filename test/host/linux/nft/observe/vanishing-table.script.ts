import { ownParts } from "../../../../../src/host/linux/nft/observe/own-tables.ts";
import { NFT_TABLE, TABLE_MARK } from "../../../../../src/model/ownership.ts";
import type { NetlinkSocket } from "../../../../../src/native/linux/netlink/netlink-socket.ffi.ts";
import { commitNftChanges, openNetfilterSocket } from "../../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeTable, encodeTableDestruction } from "../../../../../src/native/linux/nftables/table.codec.ts";

/** Run inside a namespace: reads awg's tables, one of which another program deletes between two requests. */
using socket = openNetfilterSocket();
commit(encodeTable({ family: "inet", name: NFT_TABLE, comment: TABLE_MARK }));
commit(encodeTable({ family: "arp", name: NFT_TABLE, comment: TABLE_MARK }));
const meanwhile: NetlinkSocket = Object.create(socket, {
  dump: {
    value: (message: Uint8Array, action: string) => {
      if (action.startsWith("reading the sets")) commit(encodeTableDestruction("inet", NFT_TABLE));
      return socket.dump(message, action);
    },
  },
});
process.stdout.write(JSON.stringify(ownParts(meanwhile).map(({ table }) => table.family)));

function commit(message: Uint8Array): void {
  commitNftChanges(socket, [{ message, action: "changing a table" }]);
}
