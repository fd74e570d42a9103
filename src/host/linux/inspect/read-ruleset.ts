import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { readFlows } from "../../../native/linux/conntrack/conntrack.ffi.ts";
import type { Flow } from "../../../native/linux/conntrack/flow.codec.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../native/linux/netlink/netlink-socket.ffi.ts";
import { openNetfilterSocket, readNftTable, readNftTables } from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { tableOfRead } from "../../../verify/nft/rule-table.ts";
import type { RulesetQuestion } from "../../../verify/nft/ruleset-question.ts";
import {
  forbiddenFlows,
  isAnswered,
  isUnanswerable,
  localAddresses,
  misaddressedFlows,
} from "../nft/load/forbidden-flows.ts";
import { judgedDevices } from "../nft/observe/physical-devices.ts";

/** Everything in this network namespace that decides what the packet filter accepts, by netlink alone. Reads only. */
export function readRuleset(policy: FirewallPolicy): Omit<RulesetQuestion, "policy"> {
  using socket = openNetfilterSocket();
  const tables = readNftTables(socket).flatMap(({ family, name }) => readNftTable(socket, family, name) ?? []);
  return { tables: tables.map(tableOfRead), ...readDevices(policy) };
}

/** The devices of this network namespace, in the form of the question. */
export function readDevices(policy: FirewallPolicy): Omit<RulesetQuestion, "policy" | "tables"> {
  using netlink = openRouteNetlink();
  const links = netlink.links();
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels).map(({ device }) => device);
  const { physical: framed, guestBridges } = judgedDevices(netlink, tunnels);
  const byIndex = new Map(links.map(({ index, name }) => [index, name]));
  const sources = netlink
    .addresses()
    .filter(({ linkIndex }) => framed.includes(byIndex.get(linkIndex) ?? ""))
    .map(({ address }) => address.split("/", 1).join(""));
  return {
    devices: [
      ...new Set([...framed, ...links.filter(({ loopback }) => !loopback).map(({ name }) => name), ...tunnels]),
    ],
    framed,
    guestBridges,
    indexes: new Map(links.map(({ index, name }) => [name, index])),
    sources,
  };
}

/** Tracked flows that the policy forbids everywhere (S11.1), as text: one line per pair of addresses. */
export interface ForbiddenFlows {
  readonly open: readonly string[];
  /** Flows that stay in a tunnel although their source belongs to another device; they get no replies. */
  readonly misaddressed: readonly string[];
}

/** Reads the flows in conntrack that the policy forbids. */
export function readForbiddenFlows(policy: FirewallPolicy): ForbiddenFlows {
  using socket = openNetfilterSocket();
  using netlink = openRouteNetlink();
  const local = localAddresses(netlink.addresses().map(({ address }) => address));
  const tracked = readTracked(socket).filter((flow) => !isUnanswerable(flow, local));
  const forbidden = forbiddenFlows(policy, tracked, local);
  const misaddressed = new Set(misaddressedFlows(policy, forbidden, local));
  const { answered = [], silent = [] } = Object.groupBy(misaddressed, (flow) =>
    isAnswered(flow) ? "answered" : "silent",
  );
  return {
    open: [...inWords(forbidden.filter((flow) => !misaddressed.has(flow))), ...inWords(answered).map(withOrigin)],
    misaddressed: inWords(silent),
  };
}

/**
 * A connection older than its tunnel: its packets stay in the tunnel, and retransmissions of the peer still arrive by
 * the uplink.
 */
function withOrigin(flow: string): string {
  return `${flow}, of a program that connected before the tunnel was its route; its packets stay in the tunnel. Restart the program, or end the connection with ss -K`;
}

function inWords(flows: readonly Flow[]): string[] {
  const counts = new Map<string, number>();
  for (const { original } of flows) {
    const { source, destination, protocol, destinationPort } = original;
    const port = destinationPort === undefined ? "" : ` port ${destinationPort}`;
    const ends = `protocol ${protocol}, ${source} → ${destination}${port}`;
    counts.set(ends, (counts.get(ends) ?? 0) + 1);
  }
  return [...counts].map(([ends, count]) => (count === 1 ? ends : `${ends}, ${count} times`));
}

/** Empty on a kernel without conntrack. */
function readTracked(socket: NetlinkSocket): ReturnType<typeof readFlows> {
  try {
    return readFlows(socket);
  } catch (error) {
    if (hasErrno(error, "EINVAL", "EOPNOTSUPP", "EPROTONOSUPPORT")) return [];
    throw error;
  }
}
