// Runs inside a namespace of its own: what the kernel keeps of comments longer than it takes.
import { encodeChain } from "../../../../src/native/linux/nftables/chain.codec.ts";
import {
  commitNftChanges,
  openNetfilterSocket,
  readNftTable,
} from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { encodeSet } from "../../../../src/native/linux/nftables/set.codec.ts";
import { encodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";

const comment = "x".repeat(400);
const at = { family: "inet", table: "awg" } as const;
const action = "adding what has a long comment";
using socket = openNetfilterSocket();
commitNftChanges(
  socket,
  [
    encodeTable({ family: "inet", name: "awg", comment }),
    encodeSet({ ...at, name: "users", fields: ["skuid"], intervals: false, comment }, 1),
    encodeChain({ ...at, name: "sub", comment }),
    encodeRule({ ...at, chain: "sub", expressions: [], comment }),
  ].map((message) => ({ message, action })),
);
const read = readNftTable(socket, "inet", "awg");
const kept = [read?.table, read?.sets[0], read?.chains[0], read?.rules[0]].map((one) => one?.comment?.length);
process.stdout.write(JSON.stringify({ kept }));
