import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ENGINE_PROGRAMS } from "../../../model/engine-program.ts";
import { keeperPaths } from "../../../model/keeper-protocol.ts";
import { openNetfilterSocket, readNftChains } from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { readNamespaceInode } from "../../../native/linux/process/namespace.ffi.ts";
import { isUnixSocketLive, unixListener } from "../../../native/linux/process/unix-exchange.ffi.ts";
import { namesIn, textOf } from "../../../native/linux/readable-files.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { ROUTE_TABLE } from "../../../native/linux/rtnetlink/rtnetlink-constants.ts";
import type { Environment, ForeignChain, OtherSoftware, UnroutedAddress } from "../../ports/environment.ts";
import type { Host } from "../../ports/host.ts";
import { readInotifyUsage } from "../processes/inotify-limit.ts";
import { liveNamespaces } from "../processes/live-namespaces.ts";
import { endingOwner, type TableOwner, tableOwner } from "../processes/table-owner.ts";
import { lackForServiceUser, readServiceUser } from "../service-user.ts";
import { guestBridges } from "./guest-bridges.ts";
import { removesForeignRules, resolverManager, thisHost } from "./network-managers.ts";
import { readStrandedProcesses } from "./stranded-processes.ts";
import { unroutedAddresses } from "./unrouted-addresses.ts";

const NFT_PATHS = ["/usr/sbin/nft", "/usr/bin/nft", "/sbin/nft", "/usr/local/sbin/nft"];
const OWNER_LOOKS = 3;
const OWNER_LOOK_MS = 300;

/** The process's folders and namespace. */
export interface EnvironmentScope {
  readonly stateDir: string;
  readonly runDir: string;
  /** Whether awg acts in a network namespace other than the host's own. */
  readonly namespaced: boolean;
  /** The id of this boot. */
  readonly bootId: string;
  /** Whether an inode is that of the host's own network namespace. */
  readonly isInitial: (inode: string) => boolean;
}

/** Reads other software and leftovers on a Linux host. Reads only; what cannot be read counts as missing. */
export async function readLinuxEnvironment(host: Host, scope: EnvironmentScope, nowMs: number): Promise<Environment> {
  const owner = await foreignOwner(scope.runDir);
  const lack = orElse(undefined, lackForServiceUser);
  const manager = scope.namespaced ? undefined : thisHost();
  return {
    nowMs,
    rules: await host.routes.readRules(),
    unrouted: orElse([], readUnrouted),
    chains: orElse([], readBaseChains),
    nftProgram: NFT_PATHS.some((path) => existsSync(path)),
    ...(lack === undefined ? {} : { serviceUserLack: lack }),
    ipv6Disabled: textOf("/proc/sys/net/ipv6/conf/all/disable_ipv6").trim() !== "0",
    networkdRemovesRules: manager !== undefined && removesForeignRules(manager),
    resolverManager: manager === undefined ? undefined : resolverManager(manager),
    ...(owner === undefined ? {} : { tableOwner: { ...owner, remedy: endingOwner(owner) } }),
    ...orElse({}, otherSoftware),
    deadSockets: orElse([], () => deadSockets(scope.runDir)),
    stranded: orElse([], readStrandedProcesses),
    goneNamespaces: scope.namespaced ? [] : orElse([], () => goneNamespaces(scope)),
  };
}

function readUnrouted(): readonly UnroutedAddress[] {
  using netlink = openRouteNetlink();
  return unroutedAddresses(netlink.links(), netlink.addresses(), netlink.routes({ table: ROUTE_TABLE.local }));
}

function otherSoftware(): OtherSoftware {
  using netlink = openRouteNetlink();
  const links = netlink.links();
  const inotifyUsage = readInotifyUsage(readServiceUser().uid);
  return {
    ...(inotifyUsage === undefined ? {} : { inotifyUsage }),
    filteredBridges: isBridgeFiltered() ? links.filter((link) => isSwitch(link, links)).map(({ name }) => name) : [],
    guestBridges: isForwarding()
      ? guestBridges(links, netlink.addresses(), netlink.routes({ table: ROUTE_TABLE.main }))
      : [],
  };
}

/** Whether it forwards between ports: a bridge with a single port does not. */
function isSwitch({ kind, index }: Link, links: readonly Link[]): boolean {
  return kind === "bridge" && links.filter(({ masterIndex }) => masterIndex === index).length > 1;
}

function isForwarding(): boolean {
  return textOf("/proc/sys/net/ipv4/ip_forward").trim() === "1";
}

/** Whether packets between ports of a bridge pass the IP tables; the files exist only with the module br_netfilter. */
function isBridgeFiltered(): boolean {
  const switches = ["iptables", "ip6tables"].map((name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`);
  return switches.some((path) => textOf(path).trim() === "1");
}

/**
 * The owner of our tables that is not the running keeper. A keeper creates a removed socket again within the waiting
 * time.
 */
async function foreignOwner(runDir: string): Promise<TableOwner | undefined> {
  for (let looks = 0; looks < OWNER_LOOKS; looks += 1) {
    const owner = orElse(undefined, tableOwner);
    const { socket } = keeperPaths(runDir, readNamespaceInode());
    if (owner === undefined || orElse(owner.pid, () => unixListener(socket)?.pid) === owner.pid) return undefined;
    if (looks === OWNER_LOOKS - 1) return owner;
    await sleep(OWNER_LOOK_MS);
  }
  return undefined;
}

function readBaseChains(): readonly ForeignChain[] {
  using socket = openNetfilterSocket();
  return readNftChains(socket).flatMap(({ family, table, name, base }) =>
    base === undefined ? [] : [{ family, table, name, hook: base.hook, drops: base.policy === "drop" }],
  );
}

function deadSockets(runDir: string): readonly string[] {
  const engines = Object.values(ENGINE_PROGRAMS).flatMap(({ socketFolder }) =>
    namesIn(socketFolder)
      .filter((name) => /^awg-.*\.sock$/.test(name))
      .map((name) => join(socketFolder, name)),
  );
  const { folder, socket: keeper } = keeperPaths(runDir, readNamespaceInode());
  const separate = namesIn(folder).filter((name) => /^(?:wireguard|amneziawg)-.*\.sock$/.test(name));
  const own = separate.map((name) => join(folder, name));
  return [...engines, ...own, ...(existsSync(keeper) ? [keeper] : [])].filter((path) =>
    orElse(false, () => !isUnixSocketLive(path)),
  );
}

/**
 * Folders of state and sockets, and locks, of network namespaces that no process and no name in /run/netns has, and
 * state of another boot.
 */
function goneNamespaces({ stateDir, runDir, bootId, isInitial }: EnvironmentScope): readonly string[] {
  const live = liveNamespaces();
  const [boot] = bootId.split("-");
  return [...new Set([stateDir, runDir])].flatMap((folder) =>
    namesIn(folder)
      .filter((name) => {
        const [, inode, since] =
          /^(?:netns-|lock\.|keeper-|daemon\.)([0-9]+)(?:-([^-.]+)(?:-[0-9]+)?)?(?:\.lock|\.json)?$/.exec(name) ?? [];
        if (inode === undefined) return false;
        const isState = folder !== runDir && name.startsWith("netns-");
        const isOld = since === undefined ? !isInitial(inode) : since !== boot;
        return !live.has(inode) || (isState && isOld);
      })
      .map((name) => join(folder, name)),
  );
}

/** The result of `read`, or `otherwise` if it fails: a host that lacks the file, or hides it, has no such finding. */
function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
