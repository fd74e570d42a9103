// Runs inside a namespace of its own: transactions that are refused, tables with owners, devices by pattern.
import { AwgError, messageOf } from "../../../../src/model/error.ts";
import { encodeChain, encodeChainDeletion, type NftChain } from "../../../../src/native/linux/nftables/chain.codec.ts";
import { verdict } from "../../../../src/native/linux/nftables/expression.ts";
import { decodeGeneration } from "../../../../src/native/linux/nftables/generation.codec.ts";
import { NFT_GROUP } from "../../../../src/native/linux/nftables/nft-message.codec.ts";
import {
  commitNftChanges,
  type NftChange,
  openNetfilterSocket,
  readNftChains,
  readNftGeneration,
  readNftTable,
  readNftTables,
} from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule, encodeRuleRemoval } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { encodeSet, encodeSetDeletion } from "../../../../src/native/linux/nftables/set.codec.ts";
import {
  elementOf,
  encodeElementDeletion,
  encodeElements,
} from "../../../../src/native/linux/nftables/set-element.codec.ts";
import { encodeTable, encodeTableDeletion } from "../../../../src/native/linux/nftables/table.codec.ts";

const at = { family: "inet", table: "awg" } as const;
const table = {
  action: "adding the table",
  message: encodeTable({ family: "inet", name: "awg", owned: true, persistent: true }),
};
const plain: NftChain = { ...at, name: "one" };
const rule = (chain: string): NftChange => ({
  action: `adding a rule to ${chain}`,
  message: encodeRule({ ...at, chain, expressions: [verdict("drop")] }),
});
const makeChain = { action: "adding the chain", message: encodeChain(plain) };

function refusal(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error instanceof AwgError ? { message: messageOf(error), kind: error.kind, ...error.facts } : String(error);
  }
  return "nothing was refused";
}

const report: Record<string, unknown> = {};
using other = openNetfilterSocket();
using listener = openNetfilterSocket();
listener.subscribe([NFT_GROUP]);
{
  using owner = openNetfilterSocket();
  commitNftChanges(owner, [table, makeChain, rule("one")]);
  const set = { ...at, name: "ports", fields: ["th.dport"], intervals: true } as const;
  const identity = { ...set, concatenated: false };
  const filling = encodeElements(identity, [elementOf(["th.dport"], [53]), elementOf(["th.dport"], [443])]);
  commitNftChanges(owner, [
    { action: "adding a set", message: encodeSet(set, 1) },
    ...filling.map((message) => ({ action: "filling it", message })),
  ]);
  const gone = encodeElementDeletion(identity, [elementOf(["th.dport"], [53])]);
  commitNftChanges(
    owner,
    gone.map((message) => ({ action: "taking one out", message })),
  );
  report["elements"] = readNftTable(owner, "inet", "awg")?.sets[0]?.elements.map(({ from }) => [...from]);
  commitNftChanges(owner, [{ action: "deleting a set", message: encodeSetDeletion(set) }]);
  report["rulesBefore"] = readNftTable(other, "inet", "awg")?.rules.length;
  report["second"] = refusal(() => commitNftChanges(owner, [rule("one"), rule("missing"), rule("one")]));
  report["rulesAfter"] = readNftTable(other, "inet", "awg")?.rules.length;
  report["stale"] = refusal(() =>
    commitNftChanges(owner, [rule("one")], { generation: readNftGeneration(owner).id - 1 }),
  );
  commitNftChanges(owner, [rule("one")], { generation: readNftGeneration(owner).id });
  report["foreign"] = refusal(() => commitNftChanges(other, [rule("one")]));
  report["foreignDelete"] = refusal(() =>
    commitNftChanges(other, [{ action: "deleting the table", message: encodeTableDeletion("inet", "awg") }]),
  );
  report["ownerIsSocket"] = readNftTables(other)[0]?.ownerPort === owner.port;
  report["rulesOfOwner"] = readNftTable(other, "inet", "awg")?.rules.length;
}
report["orphaned"] = readNftTables(other).map(({ owned, persistent }) => ({ owned, persistent }));
report["rulesOfOrphan"] = readNftTable(other, "inet", "awg")?.rules.length;
// Adopted, emptied and filled anew in one transaction: there is no moment without the table.
commitNftChanges(other, [
  table,
  { action: "deleting the table", message: encodeTableDeletion("inet", "awg") },
  { action: "adding the table", message: encodeTable({ family: "inet", name: "awg", owned: true, persistent: true }) },
  makeChain,
  rule("one"),
  rule("one"),
]);
report["adopted"] = readNftTables(other).map(({ owned, ownerPort }) => owned && ownerPort === other.port);
const handle = readNftTable(other, "inet", "awg")?.rules[0]?.handle ?? 0n;
commitNftChanges(other, [{ action: "removing a rule", message: encodeRuleRemoval({ ...at, chain: "one", handle }) }]);
report["rulesAfterRemoval"] = readNftTable(other, "inet", "awg")?.rules.length;

const pattern: NftChain = {
  family: "netdev",
  table: "dev",
  name: "egress",
  base: { type: "filter", hook: "egress", priority: 0, policy: "accept", devices: ["lo", "zz*"] },
};
report["pattern"] = refusal(() =>
  commitNftChanges(other, [
    { action: "adding a table", message: encodeTable({ family: "netdev", name: "dev" }) },
    { action: "adding a chain on zz*", message: encodeChain(pattern) },
  ]),
);
report["patternChain"] = readNftChains(other).filter(({ family }) => family === "netdev")[0]?.base?.devices;
report["lessDevices"] = refusal(() => {
  const devices = { ...pattern, base: { ...pattern.base, devices: ["lo"] } } as NftChain;
  commitNftChanges(other, [{ action: "taking lo off", message: encodeChainDeletion(devices) }]);
});
report["devicesLeft"] = readNftChains(other).filter(({ family }) => family === "netdev")[0]?.base?.devices;
commitNftChanges(other, [{ action: "deleting the table", message: encodeTableDeletion("netdev", "dev") }]);
report["noTable"] = readNftTable(other, "inet", "nobody") ?? null;
const events = listener
  .drain()
  .messages.map(decodeGeneration)
  .filter((one) => one !== undefined);
report["generationsTold"] = events.length;
report["changedByUs"] = events.every(({ changedByPid }) => changedByPid === process.pid);
process.stdout.write(JSON.stringify(report));
