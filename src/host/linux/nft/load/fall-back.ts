import { fallbackSwitches, switchName, withFallback } from "../../../../model/firewall/fallback.ts";
import type { PathSwitch } from "../../../../model/firewall/policy.ts";
import { openNetfilterSocket, readNftGeneration } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { fallbackInForce, loadedPolicy, readSwitchSets } from "../observe/observe-tables.ts";
import { changesToFallBack } from "../render/fallback-sets.ts";
import { cutForbidden, trackedFlows } from "./cut-forbidden.ts";
import { endMovedConnections } from "./end-moved-connections.ts";
import type { NftOwner } from "./nft-owner.ts";
import type { PolicyRecord } from "./policy-record.ts";

/**
 * Puts exactly these switches in force. If another program changed the ruleset meanwhile (by its generation),
 * nothing is changed.
 */
export async function fallBack(owner: NftOwner, record: PolicyRecord, wanted: readonly PathSwitch[]): Promise<void> {
  using socket = openNetfilterSocket();
  const { id: generation } = readNftGeneration(socket);
  const { policy, identity, families } = loadedPolicy(socket, record);
  // While a policy changes (S10) nothing falls back: the numbers of two layers need not mean the same.
  const switches = policy?.layers.length === 1 ? fallbackSwitches(policy) : [];
  const names = new Set(wanted.map(switchName));
  const inForce = switches.filter((one) => names.has(switchName(one)));
  const sets = readSwitchSets(socket, families, switches);
  const before = fallbackInForce(sets, switches);
  if (policy === null || (inForce.length === 0 && before.length === 0)) return;
  await owner.sendTransaction(changesToFallBack(sets, inForce), generation);
  const known = record.loaded();
  const isNext = readNftGeneration(socket).id === generation + 1;
  if (isNext && known?.identity === identity && known.generation === generation)
    record.markLoaded({ ...known, generation: generation + 1 });
  const flows = await trackedFlows(socket);
  cutForbidden(socket, withFallback(policy, inForce), flows);
  if (namesOf(before) !== namesOf(inForce)) endMovedConnections(policy, { before, inForce }, flows);
}

function namesOf(switches: readonly PathSwitch[]): string {
  return switches.map(switchName).toSorted().join();
}
