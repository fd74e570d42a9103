import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { linuxNetworkEvents } from "../../../src/host/linux/network-events.ts";
import { linuxRoutes } from "../../../src/host/linux/routes.ts";
import type { NetworkEvent } from "../../../src/host/ports/network-events.ts";
import { noteOwnTransaction, type SentRequests } from "../../../src/native/linux/netlink/own-writes.ts";
import { commitNftChanges, openNetfilterSocket } from "../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeTable } from "../../../src/native/linux/nftables/table.codec.ts";

const LIMIT_MS = 60_000;
const ASIDE = fileURLToPath(new URL("./commit-aside.script.ts", import.meta.url));
const heard: NetworkEvent[] = [];

/** Waits for an event, then gives all that were heard since the last call. */
async function until(what: (event: NetworkEvent) => boolean): Promise<NetworkEvent[]> {
  const endMs = Date.now() + LIMIT_MS;
  while (!heard.some(what)) {
    if (Date.now() > endMs) throw new Error(`heard only ${JSON.stringify(heard)}`);
    await sleep(10);
  }
  return heard.splice(0);
}

function foreign(program: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Another process changes the packet filter; what it says of the change. */
function aside(table: string): SentRequests {
  return JSON.parse(foreign(process.execPath, [ASIDE, table])) as SentRequests;
}

const events = linuxNetworkEvents.watch((event) => heard.push(event));

const rule = { family: 4 as const, preference: 10_500, match: { source: "192.0.2.1/32" }, table: 254 };
await linuxRoutes().change({ addRoutes: [], addRules: [rule], deleteRules: [], deleteRoutes: [] });
foreign("ip", ["route", "add", "192.0.2.0/24", "dev", "lo"]);
const ownRule = await until(({ what }) => what === "routes");
foreign("ip", ["rule", "add", "preference", "77", "lookup", "main"]);
const foreignRule = await until(({ what }) => what === "policy rules");

{
  using socket = openNetfilterSocket();
  const table = encodeTable({ family: "inet", name: "own", owned: false, persistent: false });
  commitNftChanges(socket, [{ message: table, action: "adding a table" }]);
}
noteOwnTransaction(aside("ours"));
foreign("nft", ["add table inet visitor"]);
const filter = await until(({ by }) => by !== undefined && "program" in by && by.program === "nft");
aside("theirs");
const sameProgram = await until(({ what }) => what === "packet filter");

// The listener is kept from reading, like a process that is stopped, until more has come than its buffer holds.
const lines = Array.from(
  { length: 60_000 },
  (_, n) => `route add 10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32 dev lo`,
);
foreign("ip", ["-batch", "-"], lines.join("\n"));
const flood = await until(({ what }) => what.includes("overrun"));
foreign("ip", ["rule", "delete", "preference", "77"]);
const afterFlood = await until(({ what }) => what === "policy rules");

await events[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ ownRule, foreignRule, filter, sameProgram, flood, afterFlood }));
