import { fallbackSwitches, switchName } from "../../../../model/firewall/fallback.ts";
import type { FirewallObserved, FirewallPolicy, PathSwitch } from "../../../../model/firewall/policy.ts";
import { NFT_TABLE } from "../../../../model/ownership.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import type { TableFamily } from "../../../../native/linux/nftables/field.ts";
import { readNftGeneration } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import { decodeElements, encodeElementDump } from "../../../../native/linux/nftables/set-element.codec.ts";
import type { NftTable } from "../../../../native/linux/nftables/table.codec.ts";
import { type LoadedMark, type PolicyRecord, RENDERING } from "../load/policy-record.ts";
import { fallbackSetName, REFUSED_CHAIN } from "../render/chain-names.ts";
import { foreignTables, identityOf, ownChains, ownTables } from "./own-tables.ts";
import { countedBy, readRuleDrops, rulesOf } from "./rule-drops.ts";
import { uncoveredDevices } from "./uncovered-devices.ts";

type UplinksNow = (tunnels: readonly string[]) => readonly string[];

/** Explains unchanged rules that differ from the rendering of this awg. */
const OTHER_VERSIONS = "another version of awg loaded the rules, and this one renders the policy differently";

/**
 * The state of awg's tables. If the ruleset is unchanged since the last load, with the same identity and RENDERING, the rules
 * are not read, and the renderer is not even imported.
 *
 * @param physical devices that need egress rules, perhaps with tunnels of a loaded policy; empty without the egress hook
 * @param uplinks reads the devices with default routes, except these tunnels
 */
export async function observeTables(
  socket: NetlinkSocket,
  record: PolicyRecord,
  physical: readonly string[],
  uplinks: UplinksNow,
): Promise<FirewallObserved> {
  const generation = readNftGeneration(socket).id;
  const tables = ownTables(socket);
  const foreign = foreignTables(socket);
  const beside = foreign.length === 0 ? {} : { foreignTables: foreign };
  if (tables.length === 0) return { policy: null, damage: [], held: false, droppedPackets: 0, ...beside };
  const chains = ownChains(socket, tables);
  const identity = identityOf(chains);
  const policy = record.find(identity) ?? null;
  const switches = policy === null ? [] : fallbackSwitches(policy);
  const fallback = fallbackInForce(readSwitchSets(socket, familiesOf(tables), switches), switches);
  const loaded = record.loaded();
  const byRule = policy === null ? [] : readRuleDrops(socket, policy, chains);
  const isAsLoaded = loaded?.generation === generation && loaded.identity === identity;
  const untouched = isAsLoaded && loaded.rendering === RENDERING;
  const since = loaded?.identity === identity ? loaded : undefined;
  const damageTo = async (expected: FirewallPolicy) => {
    const { tableDamage } = await import("./table-damage.ts");
    const found = tableDamage(socket, expected, identity, since ?? {});
    return isAsLoaded && found.length > 0 ? [OTHER_VERSIONS, ...found] : found;
  };
  const outdated = [
    ...(policy === null ? [] : uncoveredDevices(chains, policy, physical)),
    ...(policy === null || since === undefined ? [] : otherUplinks(policy, since, uplinks)),
  ];
  const changed = [
    ...(policy === null ? ["the policy of the nf_tables tables awg is not known"] : []),
    ...(policy === null || untouched ? [] : await damageTo(policy)),
    ...tables.filter((table) => table.dormant).map(({ family }) => `the nf_tables table ${family} awg is dormant`),
  ];
  return {
    policy,
    damage: [...changed, ...outdated],
    ...(changed.length === 0 && outdated.length > 0 ? { isOutdated: true } : {}),
    held: tables.every((table) => table.owned),
    droppedPackets: tables.reduce((sum, table) => sum + droppedIn(socket, table), 0),
    ...(byRule.length === 0 ? {} : { droppedByRule: byRule }),
    ...(fallback.length === 0 ? {} : { fallback }),
    ...beside,
  };
}

/** The policy of the loaded tables, if known, and the families of the tables. */
export function loadedPolicy(
  socket: NetlinkSocket,
  record: PolicyRecord,
): { readonly policy: FirewallPolicy | null; readonly identity: string; readonly families: readonly TableFamily[] } {
  const tables = ownTables(socket);
  const families = familiesOf(tables);
  const identity = identityOf(ownChains(socket, tables));
  return { policy: record.find(identity) ?? null, identity, families };
}

/** The set of a switch in one of awg's tables. A table has none if no rule of it depends on the switch. */
export interface SwitchSet {
  readonly family: TableFamily;
  readonly of: PathSwitch;
  readonly isFilled: boolean;
}

/** The sets of these switches that exist. */
export function readSwitchSets(
  socket: NetlinkSocket,
  families: readonly TableFamily[],
  switches: readonly PathSwitch[],
): SwitchSet[] {
  return families.flatMap((family) =>
    switches.flatMap((of): SwitchSet[] => {
      const set = { family, table: NFT_TABLE, name: fallbackSetName(of), intervals: false, concatenated: false };
      const action = `reading the nf_tables set ${family} ${NFT_TABLE} ${set.name}`;
      const elements = readSetIfThere(socket, set, action);
      return elements === undefined ? [] : [{ family, of, isFilled: decodeElements(set, elements).length > 0 }];
    }),
  );
}

/** The switches in force in every table that has a set of them. Pure. */
export function fallbackInForce(sets: readonly SwitchSet[], switches: readonly PathSwitch[]): PathSwitch[] {
  return switches.filter((one) => {
    const own = sets.filter(({ of }) => switchName(of) === switchName(one));
    return own.length > 0 && own.every(({ isFilled }) => isFilled);
  });
}

function readSetIfThere(socket: NetlinkSocket, set: Parameters<typeof encodeElementDump>[0], action: string) {
  try {
    return socket.dump(encodeElementDump(set), action);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function familiesOf(tables: readonly NftTable[]): TableFamily[] {
  return [...new Set(tables.map(({ family }) => family))];
}

/** Empty while no device has a default route, because the former one may come back. */
function otherUplinks({ layers }: FirewallPolicy, { uplinks: known }: LoadedMark, uplinks: UplinksNow): string[] {
  if (known === undefined || !layers.some(({ killSwitch }) => killSwitch)) return [];
  const found = uplinks(layers.flatMap(({ tunnels }) => tunnels).map(({ device }) => device));
  if (found.length === 0) return [];
  return [
    ...found
      .filter((device) => !known.includes(device))
      .map((one) => `the device ${one} has a default route now, and packets that arrive by it may be dropped (S6.8)`),
    ...known
      .filter((device) => !found.includes(device))
      .map(
        (one) =>
          `the device ${one} has no default route any more, and senders that arrive by it are not checked (S6.8)`,
      ),
  ];
}

function droppedIn(socket: NetlinkSocket, { family, name }: NftTable): number {
  const rules = rulesOf(socket, { family, table: name, name: REFUSED_CHAIN });
  return rules.reduce((sum, rule) => sum + countedBy(rule), 0);
}
