import { AwgError } from "../../model/error.ts";
import { NAME_SET_PREFIX, NFT_TABLE, PATH_NUMBERS, ROUTE_PROTOCOL, tableOfPath } from "../../model/ownership.ts";
import { type NetlinkMessage, NLM } from "../../native/linux/netlink/message.codec.ts";
import { type NetlinkSocket, openNetlinkSocket } from "../../native/linux/netlink/netlink-socket.ffi.ts";
import { isOwnSetting, isOwnWrite } from "../../native/linux/netlink/own-writes.ts";
import { decodeGeneration, type NftGeneration } from "../../native/linux/nftables/generation.codec.ts";
import { NFT_GROUP } from "../../native/linux/nftables/nft-message.codec.ts";
import { elementsSetOf } from "../../native/linux/nftables/set-element.codec.ts";
import { decodeEntryMark } from "../../native/linux/rtnetlink/entry-mark.codec.ts";
import { decodeLink } from "../../native/linux/rtnetlink/link.codec.ts";
import { decodeReversePathFilter } from "../../native/linux/rtnetlink/netconf.codec.ts";
import { ROUTE_GROUP, RTM } from "../../native/linux/rtnetlink/rtnetlink-constants.ts";
import type { NamedWriter, NetworkEvent, NetworkEvents } from "../ports/network-events.ts";
import { NetlinkWriters } from "./processes/netlink-writers.ts";
import { ProcFolder } from "./processes/proc-folder.ts";
import { SocketHolders } from "./processes/socket-holders.ts";

const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;

const REVERSE_PATH_FILTER = "net.ipv4.conf.all.rp_filter";

/** Each wait occupies a thread of the pool, so closing takes up to this long. */
const WAIT_MS = 1_000;

const DEVICES = { what: "devices", renumbered: false, devices: [] };
const ADDRESSES = { what: "addresses", renumbered: true };
const ROUTES = { what: "routes", renumbered: false, devices: [] };
const RULES = { what: "policy rules", renumbered: false, devices: [] };
const SETTINGS = { what: "kernel settings", renumbered: false, devices: [] };

const WHAT: ReadonlyMap<number, NetworkEvent> = new Map<number, NetworkEvent>([
  [RTM.newLink, DEVICES],
  [RTM.deleteLink, DEVICES],
  [RTM.newAddress, ADDRESSES],
  [RTM.deleteAddress, ADDRESSES],
  [RTM.newRoute, ROUTES],
  [RTM.deleteRoute, ROUTES],
  [RTM.newRule, RULES],
  [RTM.deleteRule, RULES],
]);

const GROUPS = [
  ROUTE_GROUP.link,
  ROUTE_GROUP.address4,
  ROUTE_GROUP.address6,
  ROUTE_GROUP.route4,
  ROUTE_GROUP.route6,
  ROUTE_GROUP.rule4,
  ROUTE_GROUP.rule6,
  ROUTE_GROUP.netconf4,
];

/** Changes of this network namespace, by the multicast groups of rtnetlink and nf_tables. */
export const linuxNetworkEvents: NetworkEvents = {
  watch(onEvent) {
    using opening = new DisposableStack();
    const sockets = [openNetlinkSocket(NETLINK_ROUTE), openNetlinkSocket(NETLINK_NETFILTER)] as const;
    for (const socket of sockets) opening.use(socket);
    sockets[0].subscribe(GROUPS);
    sockets[1].subscribe([NFT_GROUP]);
    const open = opening.move();
    let ended = false;
    const proc = new ProcFolder();
    const writers = new NetlinkWriters(NETLINK_ROUTE, {
      proc,
      holders: new SocketHolders(proc),
      nowMs: () => performance.now(),
    });
    const emit = ({ writerPort, named, ...event }: KernelEvent): void => {
      const known = named === undefined ? undefined : writers.known(named);
      const by = writerPort === undefined ? known : writers.writerOf(writerPort);
      onEvent({ ...event, ...(by === undefined ? {} : { by }) });
    };
    const running = sockets.map((socket) => listen(socket, emit, () => ended));
    return {
      async [Symbol.asyncDispose]() {
        ended = true;
        await Promise.all(running);
        open.dispose();
      },
    };
  },
};

async function listen(socket: NetlinkSocket, emit: (event: KernelEvent) => void, ended: () => boolean): Promise<void> {
  let overruns = 0;
  while (!ended()) {
    if (!(await socket.waitReadable(WAIT_MS))) continue;
    const { events, overrun } = drain(socket);
    for (const event of events) emit(event);
    if (overrun) emit({ what: `lost kernel events (overrun ${++overruns})`, renumbered: true });
  }
}

/** Unreadable messages count as lost, like an overrun: everything is read again. */
function drain(socket: NetlinkSocket): { readonly events: readonly KernelEvent[]; readonly overrun: boolean } {
  try {
    const { messages, overrun } = socket.drain();
    return { events: eventsOf(messages), overrun };
  } catch (error) {
    if (error instanceof AwgError) return { events: [], overrun: true };
    throw error;
  }
}

/** An event as the kernel reports it. */
export interface KernelEvent extends NetworkEvent {
  /** The netlink port id of the last program that changed an object of awg's. */
  readonly writerPort?: number;
  /** The process that made the change, by the kernel's name for it. */
  readonly named?: NamedWriter;
}

/** One event per kind of change in these messages, without this process's own writes. */
export function eventsOf(messages: readonly NetlinkMessage[]): readonly KernelEvent[] {
  const events = new Map<string, KernelEvent>();
  let fillsNames = false;
  for (const message of messages) {
    if (isOwnWrite(message)) continue;
    const filled = elementsSetOf(message);
    if (filled?.table === NFT_TABLE && filled.set.startsWith(NAME_SET_PREFIX)) {
      fillsNames = true;
      continue;
    }
    const generation = decodeGeneration(message);
    // The resolver's addresses are no change of the policy; the generation follows them as the end of their transaction.
    if (generation !== undefined && fillsNames) {
      fillsNames = false;
      continue;
    }
    if (generation !== undefined) events.set(...filterChange(generation));
    else noteSettingOrRoute(message, events);
  }
  return [...events.values()];
}

function filterChange({ changedByPid: pid, changedByName: program }: NftGeneration): readonly [string, KernelEvent] {
  const named = pid === undefined || program === undefined ? {} : { named: { pid, program } };
  return [`packet filter ${pid}`, { what: "packet filter", renumbered: false, devices: [], ...named }];
}

function noteSettingOrRoute(message: NetlinkMessage, events: Map<string, KernelEvent>): void {
  const filter = decodeReversePathFilter(message);
  if (filter !== undefined) {
    if (!isOwnSetting(REVERSE_PATH_FILTER, String(filter))) events.set(SETTINGS.what, SETTINGS);
    return;
  }
  const route = WHAT.get(message.type);
  if (route === undefined) return;
  const before = events.get(route.what);
  const link = decodeLink(message);
  const devices = link === undefined ? {} : { devices: [...(before?.devices ?? []), link.name] };
  events.set(route.what, { ...before, ...route, ...devices, ...(isOurs(message) ? ours(message) : {}) });
}

/**
 * Port id 0 is the kernel: it removes routes with their device, and does not name the process that changed a device.
 */
function ours({ port }: NetlinkMessage): Pick<KernelEvent, "isOurs" | "writerPort"> {
  return { isOurs: true, ...(port === 0 ? {} : { writerPort: port }) };
}

/** A route by which another program replaces ours has its own protocol, but lies in our table. */
function isOurs(message: NetlinkMessage): boolean {
  const { protocol, table = 0 } = decodeEntryMark(message) ?? {};
  const isOurTable = table > tableOfPath(0) && table <= tableOfPath(PATH_NUMBERS.lastTunnel);
  return protocol === ROUTE_PROTOCOL || (isOurTable && (message.flags & NLM.replace) !== 0);
}
