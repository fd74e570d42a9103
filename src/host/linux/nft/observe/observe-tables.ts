import { fallbackPaths } from "../../../../model/firewall/fallback.ts";
import type { FirewallObserved, FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { NFT_TABLE } from "../../../../model/ownership.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import type { TableFamily } from "../../../../native/linux/nftables/field.ts";
import { readNftChains, readNftGeneration } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { decodeNftRule, encodeRuleListing } from "../../../../native/linux/nftables/rule.codec.ts";
import { decodeElements, encodeElementDump } from "../../../../native/linux/nftables/set-element.codec.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { type LoadedMark, type PolicyRecord, RENDERING } from "../load/policy-record.ts";
import { fallbackSetName, REFUSED_CHAIN } from "../render/chain-names.ts";
import { identityOf, isOurChain, ownTables } from "./own-tables.ts";
import { uncoveredDevices } from "./uncovered-devices.ts";

type UplinksNow = (tunnels: readonly string[]) => readonly string[];

/** Says of rules that nobody touched why they are not as this awg would have them. */
const OTHER_VERSIONS = "another version of awg loaded the rules, and this one makes others of the same policy";

/**
 * What the packet filter holds of ours. When nobody touched the ruleset since the last load, the identity is that load's,
 * and this awg would render the same, its rules are not read again, and what renders them to compare is not even loaded.
 *
 * @param physical devices that ought to have egress rules, tunnels of a loaded policy perhaps among them; none where the
 *   kernel has no egress hook
 * @param uplinks reads the devices by which default routes lead, but for these tunnels
 */
export async function observeTables(
  socket: NetlinkSocket,
  record: PolicyRecord,
  physical: readonly string[],
  uplinks: UplinksNow,
): Promise<FirewallObserved> {
  const generation = readNftGeneration(socket).id;
  const tables = ownTables(socket);
  if (tables.length === 0) return { policy: null, damage: [], held: false, droppedPackets: 0 };
  const chains = readNftChains(socket).filter(isOurChain);
  const identity = identityOf(chains);
  const policy = record.find(identity) ?? null;
  const fallback = policy === null ? [] : fallbackInForce(socket, familiesOf(tables), fallbackPaths(policy));
  const loaded = record.loaded();
  const isAsLoaded = loaded?.generation === generation && loaded.identity === identity;
  const untouched = isAsLoaded && loaded.rendering === RENDERING;
  const since = loaded?.identity === identity ? loaded : undefined;
  const damageTo = async (expected: FirewallPolicy) => {
    const { tableDamage } = await import("./table-damage.ts");
    const found = tableDamage(socket, expected, identity, since ?? {});
    return isAsLoaded && found.length > 0 ? [OTHER_VERSIONS, ...found] : found;
  };
  const damage = [
    ...(policy === null ? ["which policy the nf_tables tables awg hold is not known"] : []),
    ...(policy === null || untouched ? [] : await damageTo(policy)),
    ...(policy === null ? [] : uncoveredDevices(chains, policy, physical)),
    ...(policy === null || since === undefined ? [] : otherUplinks(policy, since, uplinks)),
    ...tables
      .filter((table) => table.dormant)
      .map(({ family }) => `the nf_tables table ${family} awg was put to sleep`),
  ];
  return {
    policy,
    damage,
    held: tables.every((table) => table.owned),
    droppedPackets: tables.reduce((sum, table) => sum + droppedIn(socket, table), 0),
    ...(fallback.length === 0 ? {} : { fallback }),
  };
}

/** The policy that our tables were loaded from, as far as it is known, and the families they stand in. */
export function loadedPolicy(
  socket: NetlinkSocket,
  record: PolicyRecord,
): { readonly policy: FirewallPolicy | null; readonly identity: string; readonly families: readonly TableFamily[] } {
  const families = familiesOf(ownTables(socket));
  const identity = identityOf(readNftChains(socket).filter(isOurChain));
  return { policy: record.find(identity) ?? null, identity, families };
}

/** Those of these paths whose fallback every table of ours has in force. */
export function fallbackInForce(
  socket: NetlinkSocket,
  families: readonly TableFamily[],
  paths: readonly number[],
): number[] {
  return paths.filter((path) =>
    families.every((family) => {
      const set = { family, table: NFT_TABLE, name: fallbackSetName(path), intervals: false, concatenated: false };
      const action = `reading the nf_tables set ${family} ${NFT_TABLE} ${set.name}`;
      return decodeElements(set, readSetIfThere(socket, set, action)).length > 0;
    }),
  );
}

function readSetIfThere(socket: NetlinkSocket, set: Parameters<typeof encodeElementDump>[0], action: string) {
  try {
    return socket.dump(encodeElementDump(set), action);
  } catch (error) {
    // Somebody removed it: that is damage, which is told apart from this.
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

function familiesOf(tables: readonly NftTable[]): TableFamily[] {
  return [...new Set(tables.map(({ family }) => family))];
}

/** While no device leads out nothing is to be known of them: that of before may well come back. */
function otherUplinks({ layers }: FirewallPolicy, { uplinks: known }: LoadedMark, uplinks: UplinksNow): string[] {
  if (known === undefined || !layers.some(({ killSwitch }) => killSwitch)) return [];
  const found = uplinks(layers.flatMap(({ tunnels }) => tunnels).map(({ device }) => device));
  if (found.length === 0) return [];
  return [
    ...found
      .filter((device) => !known.includes(device))
      .map(
        (one) => `the device ${one} leads out, and what comes by it is refused where its answer would go by another`,
      ),
    ...known
      .filter((device) => !found.includes(device))
      .map((one) => `the device ${one} leads out no more, and what comes by it is not asked who sent it`),
  ];
}

function droppedIn(socket: NetlinkSocket, { family, name }: NftTable): number {
  const listing = encodeRuleListing(family, name, REFUSED_CHAIN);
  const rules = socket.dump(listing, `reading the counter of the nf_tables table ${family} ${name}`);
  const counters = rules
    .map(decodeNftRule)
    .filter((rule) => rule?.chain === REFUSED_CHAIN && rule.table === name && rule.family === family)
    .flatMap((rule) => rule?.expressions ?? []);
  return counters.reduce(
    (sum, expression) => sum + (expression.kind === "counter" ? Number(expression.packets) : 0),
    0,
  );
}
