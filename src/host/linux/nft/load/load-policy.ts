import { setTimeout as sleep } from "node:timers/promises";
import { AwgError } from "../../../../model/error.ts";
import { foreignTableRemedy } from "../../../../model/firewall/foreign-tables.ts";
import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { NFT_BOOT_TABLE, NFT_TABLE } from "../../../../model/ownership.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import {
  type NftChange,
  openNetfilterSocket,
  readNftGeneration,
} from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { Capabilities } from "../../../ports/facts.ts";
import { withFilePermission } from "../../file-permission.ts";
import { devicesToJudge } from "../observe/devices-to-judge.ts";
import { foreignTables, isBootTableForeign, ownTables } from "../observe/own-tables.ts";
import { tableDamage } from "../observe/table-damage.ts";
import { uplinksNow } from "../observe/uplinks.ts";
import { renderNft } from "../render/render-nft.ts";
import { cutForbidden, trackedFlows } from "./cut-forbidden.ts";
import { changesToForget } from "./forget-verdicts.ts";
import { learnStanding } from "./learn-open-flows.ts";
import { localNftOwner, type NftOwner } from "./nft-owner.ts";
import { type PolicyRecord, RENDERING } from "./policy-record.ts";
import { changesToLoad } from "./ruleset-changes.ts";

/**
 * Closing an nf_tables socket waits until the last transaction's deletions are complete (net/netfilter/nf_tables_api.c,
 * nft_rcv_nl_event): a grace period of RCU, 20 to 40 ms. This delay is longer.
 */
const CLOSE_AFTER_MS = 200;
/** How often the tables are checked while an owner starts (some hundred milliseconds), because no event reports a flush then. */
const STAND_IN_LOOK_MS = 20;
/** Tries of a load if a device disappears between the listing and the load. */
const LOAD_ATTEMPTS = 5;

/** Dependencies of a load. */
export interface LoadDeps {
  readonly owner: NftOwner;
  readonly capabilities: () => Pick<Capabilities, "egressHook" | "ownedTables">;
}

/** Loads the policy, reads it back (rule S1.3), and cuts the flows that it forbids. */
export async function loadPolicy(deps: LoadDeps, record: PolicyRecord, policy: FirewallPolicy): Promise<void> {
  const identity = withFilePermission("keeping the firewall policy", () => record.keep(policy));
  if (record.loaded() !== undefined && !(await deps.owner.isReady())) await standInForOwner(deps, policy, identity);
  const uplinks = await sendPolicy(deps, policy, identity);
  const socket = openNetfilterSocket();
  const flowSocket = openNetfilterSocket();
  try {
    const flows = trackedFlows(flowSocket);
    flows.catch(() => {
      // Reported below, unless the ruleset is wrong, which is worse.
    });
    const { id: generation } = readNftGeneration(socket);
    const owner = ownerOf(socket);
    const damage = tableDamage(socket, policy, identity, { owner, uplinks });
    if (damage.length > 0) {
      throw new AwgError("verification", `the kernel took the firewall policy and holds another: ${damage[0]}`);
    }
    record.markLoaded({
      identity,
      generation,
      uplinks,
      rendering: RENDERING,
      ...(owner === undefined ? {} : { owner }),
    });
    cutForbidden(socket, policy, await flows);
  } finally {
    setTimeout(() => closeAll([socket, flowSocket]), CLOSE_AFTER_MS).unref();
  }
}

/** The same by a socket of this process: the tables have no owner afterwards. */
export async function loadUnheld(deps: LoadDeps, record: PolicyRecord, policy: FirewallPolicy): Promise<void> {
  await withLocalOwner(deps, (local) => loadPolicy(local, record, policy));
}

/**
 * Starts the owner of the loaded tables. If they are gone meanwhile (S12.12), they are loaded by a socket of this process; then
 * they have no owner until the new one replaces them.
 */
async function standInForOwner(deps: LoadDeps, policy: FirewallPolicy, identity: string): Promise<void> {
  await loadIfGone(deps, policy, identity);
  const started = deps.owner.start().then(() => true);
  while (!(await Promise.race([started, sleep(STAND_IN_LOOK_MS, false)]))) await loadIfGone(deps, policy, identity);
}

async function loadIfGone(deps: LoadDeps, policy: FirewallPolicy, identity: string): Promise<void> {
  if (hasTables()) return;
  try {
    await withLocalOwner(deps, (local) => sendPolicy(local, policy, identity));
  } catch {
    // The owner meets the same refusal and reports it.
  }
}

async function withLocalOwner(deps: LoadDeps, act: (local: LoadDeps) => Promise<unknown>): Promise<void> {
  const socket = openNetfilterSocket();
  const capabilities = () => ({ ...deps.capabilities(), ownedTables: false });
  try {
    await act({ capabilities, owner: localNftOwner(socket) });
  } finally {
    setTimeout(() => closeAll([socket]), CLOSE_AFTER_MS).unref();
  }
}

function closeAll(sockets: readonly NetlinkSocket[]): void {
  for (const socket of sockets) socket[Symbol.dispose]();
}

/** Sends the policy, again if devices come and go meanwhile. Returns the uplinks. */
async function sendPolicy(deps: LoadDeps, policy: FirewallPolicy, identity: string): Promise<readonly string[]> {
  if (!hasTables()) tryToLearn(policy);
  const spared = sparedTables();
  refuseForeign(spared);
  let failure: unknown;
  for (let attempt = 0; attempt < LOAD_ATTEMPTS; attempt += 1) {
    const load = await prepareLoad(deps, policy, { identity, spared });
    try {
      await deps.owner.sendTransaction(load.changes);
      if (load.forgetting.length > 0) await deps.owner.sendTransaction(load.forgetting);
      return load.uplinks;
    } catch (error) {
      failure = error;
      if (!(await mayPassNext(deps, load, error))) break;
    }
  }
  throw failure;
}

/** One try of a load, for the devices that the host has now. */
interface PreparedLoad {
  readonly tunnels: readonly string[];
  readonly devices: readonly string[];
  readonly uplinks: readonly string[];
  readonly changes: readonly NftChange[];
  /** To be committed after them. */
  readonly forgetting: readonly NftChange[];
}

interface LoadOptions {
  readonly identity: string;
  /** Tables of other programs, which no load deletes. */
  readonly spared: readonly string[];
}

async function prepareLoad(
  deps: LoadDeps,
  policy: FirewallPolicy,
  { identity, spared }: LoadOptions,
): Promise<PreparedLoad> {
  const { ownedTables } = deps.capabilities();
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels).map((tunnel) => tunnel.device);
  const { physical: devices } = await devicesToJudge(deps.capabilities(), tunnels);
  const uplinks = uplinksNow(tunnels);
  const tables = renderNft(policy, { devices, uplinks, identity, ownedTables });
  const changes = changesToLoad(tables, ownedTables, spared);
  return { tunnels, devices, uplinks, changes, forgetting: changesToForget(tables) };
}

/** Whether the next try may pass, with the devices that are there then. */
async function mayPassNext(deps: LoadDeps, load: PreparedLoad, error: unknown): Promise<boolean> {
  const { physical: found } = await devicesToJudge(deps.capabilities(), load.tunnels);
  return found.join() !== load.devices.join() || hasErrno(error, "ENOENT");
}

/** Tables of other programs with a name of awg's; a load deletes none. */
function sparedTables(): readonly string[] {
  using socket = openNetfilterSocket();
  return [...foreignTables(socket), ...(isBootTableForeign(socket) ? [`inet ${NFT_BOOT_TABLE}`] : [])];
}

function refuseForeign(spared: readonly string[]): void {
  const table = spared.find((name) => name.endsWith(` ${NFT_TABLE}`));
  if (table === undefined) return;
  throw new AwgError("conflict", `the nf_tables table ${table} belongs to another program`, {
    facts: { table },
    remedy: foreignTableRemedy([table]),
  });
}

/** Errors are ignored: the policy matters more than a connection that must be opened again. */
function tryToLearn(policy: FirewallPolicy): void {
  try {
    learnStanding(policy);
  } catch (error) {
    if (!(error instanceof AwgError)) throw error;
  }
}

function ownerOf(socket: NetlinkSocket): number | undefined {
  return ownTables(socket).find(({ owned }) => owned)?.ownerPort;
}

/** Removes the policy and its record. */
export async function removePolicy(deps: LoadDeps, record: PolicyRecord): Promise<void> {
  if (hasTables()) await deps.owner.sendTransaction(changesToLoad([], deps.capabilities().ownedTables, sparedTables()));
  record.forget();
}

function hasTables(): boolean {
  using socket = openNetfilterSocket();
  return ownTables(socket).length > 0;
}
