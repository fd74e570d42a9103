import { join } from "node:path";
import type { FirewallObserved } from "../../../model/firewall/policy.ts";
import { openNetfilterSocket } from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { readNamespaceInode } from "../../../native/linux/process/namespace.ffi.ts";
import type { Capabilities } from "../../ports/facts.ts";
import type { FirewallPort } from "../../ports/firewall.ts";
import { type ListLinks, listLinks } from "../links.ts";
import type { NftOwner } from "./load/nft-owner.ts";
import { PolicyRecord } from "./load/policy-record.ts";
import { devicesToJudge } from "./observe/devices-to-judge.ts";
import { observeTables } from "./observe/observe-tables.ts";
import { awaitLoad } from "./observe/unfinished-load.ts";
import { uplinksNow } from "./observe/uplinks.ts";

export interface LinuxFirewallDeps {
  /** Folder that goes at reboot; each network namespace has a folder of its own in it. */
  readonly runDir: string;
  readonly owner: NftOwner;
  readonly capabilities: () => Pick<Capabilities, "egressHook" | "ownedTables">;
}

/** The packet filter of a Linux machine: nf_tables by netlink, no `nft` program. What writes is loaded with the first write. */
export function linuxFirewall(deps: LinuxFirewallDeps, list: ListLinks = listLinks): FirewallPort {
  const record = new PolicyRecord(join(deps.runDir, `firewall-${readNamespaceInode()}`));
  return {
    read: async () => readFirewall(deps, record, list),
    load: async (policy, { unheld = false } = {}) => {
      const { loadPolicy, loadUnheld, removePolicy } = await import("./load/load-policy.ts");
      if (policy === null) await removePolicy(deps, record);
      else await (unheld ? loadUnheld : loadPolicy)(deps, record, policy);
    },
    fallBack: async (switches) => (await import("./load/fall-back.ts")).fallBack(deps.owner, record, switches),
  };
}

async function readFirewall(
  { capabilities }: LinuxFirewallDeps,
  record: PolicyRecord,
  list: ListLinks,
): Promise<FirewallObserved> {
  const { physical, guestBridges } = await devicesToJudge(capabilities(), [], list);
  using socket = openNetfilterSocket();
  const observe = () => observeTables(socket, record, physical, (tunnels) => uplinksNow(tunnels, list));
  const found = await observe();
  const observed = found.damage.length > 0 && (await awaitLoad(socket)) ? await observe() : found;
  return observed.policy === null || guestBridges.length === 0 ? observed : { ...observed, guestBridges };
}
