import { text } from "node:stream/consumers";
import { keeperClient } from "../../../src/host/linux/keeper-client.ts";
import { linuxFirewall } from "../../../src/host/linux/nft/linux-firewall.ts";
import { keeperNftOwner } from "../../../src/host/linux/nft/load/nft-owner.ts";
import { AwgError } from "../../../src/model/error.ts";
import { keeperPaths } from "../../../src/model/keeper-protocol.ts";
import { readNamespaceInode } from "../../../src/native/linux/process/namespace.ffi.ts";
import { type Loading, performKills } from "./kills.ts";

/**
 * Run inside a namespace: hands policies to its keeper and has it, or whoever hands them over, killed on the way.
 * Without kills in its input it only loads the first policy: that is the process that is killed.
 */
const loading: Loading = JSON.parse(await text(process.stdin));
const keeper = keeperClient(keeperPaths(loading.runDir, readNamespaceInode()), loading.keeperCommand);
const owner = keeperNftOwner(keeper);
const capabilities = () => ({ egressHook: true, ownedTables: true });
const firewall = linuxFirewall({ runDir: loading.runDir, owner, capabilities });

if (loading.kills === undefined) await firewall.load(loading.policies[0]);
else {
  const load = async (index: 0 | 1): Promise<string> => {
    try {
      await firewall.load(loading.policies[index]);
      return "";
    } catch (error) {
      if (!(error instanceof AwgError)) throw error;
      return error.message;
    }
  };
  process.stdout.write(JSON.stringify(await performKills(loading, keeper, load)));
}
