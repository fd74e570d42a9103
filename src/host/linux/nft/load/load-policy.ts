import { setTimeout as sleep } from "node:timers/promises";
import { AwgError } from "../../../../model/error.ts";
import { foreignTableRemedy } from "../../../../model/firewall/foreign-tables.ts";
import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { blockedPolicy } from "../../../../model/firewall/transition.ts";
import { NFT_BOOT_TABLE, NFT_TABLE } from "../../../../model/ownership.ts";
import { hasErrno } from "../../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { openNetfilterSocket, readNftGeneration } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { Capabilities } from "../../../ports/facts.ts";
import { withFilePermission } from "../../file-permission.ts";
import { devicesToJudge } from "../observe/devices-to-judge.ts";
import { foreignTables, isBootTableForeign, ownTables } from "../observe/own-tables.ts";
import { tableDamage } from "../observe/table-damage.ts";
import { uplinksNow } from "../observe/uplinks.ts";
import { renderNft } from "../render/render-nft.ts";
import type { RenderedTable } from "../render/rendered-table.ts";
import { cutForbidden, trackedFlows } from "./cut-forbidden.ts";
import { learnStanding } from "./learn-open-flows.ts";
import { localNftOwner, type NftOwner } from "./nft-owner.ts";
import { type PolicyRecord, RENDERING } from "./policy-record.ts";
import { changesToRemove } from "./ruleset-changes.ts";
import { swapTables } from "./swap-tables.ts";

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
  /** The tables get no owner. */
  readonly unheld?: true;
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
  try {
    await act({ ...deps, owner: localNftOwner(socket), unheld: true });
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
  const foreign = namesakes();
  refuseForeign(foreign);
  let failure: unknown;
  for (let attempt = 0; attempt < LOAD_ATTEMPTS; attempt += 1) {
    const load = await prepareLoad(deps, policy, identity);
    try {
      await swapTables(deps.owner, { ...load, ownedTables: deps.capabilities().ownedTables, foreign });
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
  readonly tables: readonly RenderedTable[];
  /** They judge by the blocked policy. */
  blocked(): readonly RenderedTable[];
}

async function prepareLoad(deps: LoadDeps, policy: FirewallPolicy, identity: string): Promise<PreparedLoad> {
  const { ownedTables } = deps.capabilities();
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels).map((tunnel) => tunnel.device);
  const { physical: devices } = await devicesToJudge(deps.capabilities(), tunnels);
  const uplinks = uplinksNow(tunnels);
  const render = (one: FirewallPolicy) => {
    const tables = renderNft(one, { devices, uplinks, identity, ownedTables });
    return deps.unheld === true ? tables.map(withoutOwner) : tables;
  };
  return { tunnels, devices, uplinks, tables: render(policy), blocked: () => render(blockedPolicy()) };
}

/** It stays persistent, so that an owner can adopt it. */
function withoutOwner(rendered: RenderedTable): RenderedTable {
  return { ...rendered, table: { ...rendered.table, owned: false } };
}

/** Whether the next try may pass, with the devices that are there then. */
async function mayPassNext(deps: LoadDeps, load: PreparedLoad, error: unknown): Promise<boolean> {
  const { physical: found } = await devicesToJudge(deps.capabilities(), load.tunnels);
  return found.join() !== load.devices.join() || hasErrno(error, "ENOENT");
}

/** Tables of other programs with a name of awg's; a load deletes none. */
function namesakes(): readonly string[] {
  using socket = openNetfilterSocket();
  return [...foreignTables(socket), ...(isBootTableForeign(socket) ? [`inet ${NFT_BOOT_TABLE}`] : [])];
}

function refuseForeign(foreign: readonly string[]): void {
  const table = foreign.find((name) => name.endsWith(` ${NFT_TABLE}`));
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
  const { ownedTables } = deps.capabilities();
  if (hasTables()) await deps.owner.sendTransaction(changesToRemove({ ownedTables, foreign: namesakes() }));
  record.forget();
}

function hasTables(): boolean {
  using socket = openNetfilterSocket();
  return ownTables(socket).length > 0;
}
