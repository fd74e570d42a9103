// Runs inside a namespace of its own: makes flows over the loopback, reads them, cuts one of them.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { cutFlows, readFlows } from "../../../../src/native/linux/conntrack/conntrack.ffi.ts";
import type { Flow } from "../../../../src/native/linux/conntrack/flow.codec.ts";
import { encodeChain } from "../../../../src/native/linux/nftables/chain.codec.ts";
import { joinMatches, matchIn, setCtMark } from "../../../../src/native/linux/nftables/match.ts";
import { commitNftChanges, openNetfilterSocket } from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { encodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";

async function openFlow(type: "udp4" | "udp6", address: string, port: number): Promise<void> {
  const server = createSocket(type);
  server.bind(port, address);
  await once(server, "listening");
  const client = createSocket(type);
  const arrived = once(server, "message");
  client.send("x", port, address);
  await arrived;
  client.close();
  server.close();
}

using socket = openNetfilterSocket();
const out = { family: "inet", table: "track", name: "out" } as const;
const base = { type: "filter", hook: "output", priority: 0, policy: "accept" } as const;
const mark = joinMatches(matchIn("inet").ctState(["new"]), setCtMark(0x51));
commitNftChanges(socket, [
  { action: "adding a table", message: encodeTable({ family: "inet", name: "track" }) },
  { action: "adding a chain", message: encodeChain({ ...out, base }) },
  {
    action: "tracking what goes out",
    message: encodeRule({ family: "inet", table: "track", chain: "out", expressions: mark }),
  },
]);
await openFlow("udp4", "127.0.0.1", 5301);
await openFlow("udp4", "127.0.0.1", 5302);
await openFlow("udp6", "::1", 5303);
await openFlow("udp6", "::1", 5304);

const toPort = (flows: readonly Flow[]) => flows.map(({ original }) => original.destinationPort).sort();
const before = readFlows(socket).filter(({ original }) => original.protocol === 17);
const cut = before.filter(({ original }) => [5302, 5304].includes(original.destinationPort ?? 0));
const impostor = { ...(before[0] as Flow), id: ((before[0] as Flow).id ^ 1) >>> 0 };
cutFlows(socket, [...cut, impostor]);
const after = readFlows(socket).filter(({ original }) => original.protocol === 17);
cutFlows(socket, cut);
process.stdout.write(
  JSON.stringify({
    before: toPort(before),
    first: before.find(({ original }) => original.destinationPort === 5301),
    v6: readFlows(socket, 6)
      .filter(({ original }) => original.protocol === 17)
      .map(({ family }) => family),
    after: toPort(after),
  }),
);
