import { AwgError } from "../../model/error.ts";
import type { NetlinkMessage } from "../../native/linux/netlink/message.codec.ts";
import {
  type DrainedEvents,
  type NetlinkSocket,
  openNetlinkSocket,
} from "../../native/linux/netlink/netlink-socket.ffi.ts";
import { isOwnWrite } from "../../native/linux/netlink/own-writes.ts";
import { decodeGeneration } from "../../native/linux/nftables/generation.codec.ts";
import { NFT_GROUP } from "../../native/linux/nftables/nft-message.codec.ts";
import { ROUTE_GROUP, RTM } from "../../native/linux/rtnetlink/rtnetlink-constants.ts";
import type { NetworkEvent, NetworkEvents } from "../ports/network-events.ts";

const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;

/** Each wait is on a thread of the pool, so closing takes this long at most. */
const WAIT_MS = 1_000;

const WHAT: ReadonlyMap<number, { readonly what: string; readonly renumbered: boolean }> = new Map([
  [RTM.newLink, { what: "devices", renumbered: false }],
  [RTM.deleteLink, { what: "devices", renumbered: false }],
  [RTM.newAddress, { what: "addresses", renumbered: true }],
  [RTM.deleteAddress, { what: "addresses", renumbered: true }],
  [RTM.newRoute, { what: "routes", renumbered: false }],
  [RTM.deleteRoute, { what: "routes", renumbered: false }],
  [RTM.newRule, { what: "policy rules", renumbered: false }],
  [RTM.deleteRule, { what: "policy rules", renumbered: false }],
]);

const GROUPS = [
  ROUTE_GROUP.link,
  ROUTE_GROUP.address4,
  ROUTE_GROUP.address6,
  ROUTE_GROUP.route4,
  ROUTE_GROUP.route6,
  ROUTE_GROUP.rule4,
  ROUTE_GROUP.rule6,
];

/** Changes of this network namespace by rtnetlink and nf_tables multicast. */
export const linuxNetworkEvents: NetworkEvents = {
  watch(onEvent) {
    using opening = new DisposableStack();
    const sockets = [openNetlinkSocket(NETLINK_ROUTE), openNetlinkSocket(NETLINK_NETFILTER)] as const;
    for (const socket of sockets) opening.use(socket);
    sockets[0].subscribe(GROUPS);
    sockets[1].subscribe([NFT_GROUP]);
    const open = opening.move();
    let ended = false;
    const running = sockets.map((socket) => listen(socket, onEvent, () => ended));
    return {
      async [Symbol.asyncDispose]() {
        ended = true;
        await Promise.all(running);
        open.dispose();
      },
    };
  },
};

async function listen(
  socket: NetlinkSocket,
  onEvent: (event: NetworkEvent) => void,
  ended: () => boolean,
): Promise<void> {
  let overruns = 0;
  while (!ended()) {
    if (!(await socket.waitReadable(WAIT_MS))) continue;
    const { messages, overrun } = drain(socket);
    if (overrun) onEvent({ what: `more than the kernel could tell (overrun ${++overruns})`, renumbered: true });
    for (const event of eventsOf(messages)) onEvent(event);
  }
}

/** What cannot be read is as lost as what did not fit: everything is read afresh then. */
function drain(socket: NetlinkSocket): DrainedEvents {
  try {
    return socket.drain();
  } catch (error) {
    if (error instanceof AwgError) return { messages: [], overrun: true };
    throw error;
  }
}

/** One event for each sort of change among these messages that is not this process's own writing. */
export function eventsOf(messages: readonly NetlinkMessage[]): readonly NetworkEvent[] {
  const events = new Map<string, NetworkEvent>();
  for (const message of messages) {
    if (isOwnWrite(message)) continue;
    const generation = decodeGeneration(message);
    const route = WHAT.get(message.type);
    if (generation !== undefined) {
      const { changedByPid: pid, changedByName: program } = generation;
      const by = pid === undefined || program === undefined ? {} : { by: { pid, program } };
      events.set(`packet filter ${pid}`, { what: "packet filter", renumbered: false, ...by });
    } else if (route !== undefined) events.set(route.what, route);
  }
  return [...events.values()];
}
