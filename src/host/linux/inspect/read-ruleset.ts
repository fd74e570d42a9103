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

/** Everything of this network namespace that decides what a packet filter lets pass, by netlink alone. Reads only. */
export function readRuleset(policy: FirewallPolicy): Omit<RulesetQuestion, "policy"> {
  using socket = openNetfilterSocket();
  const tables = readNftTables(socket).flatMap(({ family, name }) => readNftTable(socket, family, name) ?? []);
  return { tables: tables.map(tableOfRead), ...readDevices(policy) };
}

/** The devices of this network namespace as the question has them. */
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

/** Tracked flows that the policy lets pass nowhere (S11.1), in words: one line for each two ends. */
export interface ForbiddenFlows {
  readonly open: readonly string[];
  /** Those that stay in a tunnel though their source is another device's, and that nobody answers. */
  readonly misaddressed: readonly string[];
}

/** What conntrack holds now that the policy forbids. */
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

/** What a program sends on from before its tunnel stays in the tunnel; what the far end repeats still comes in by the link. */
function withOrigin(flow: string): string {
  return `${flow}, of a program that was connected before the tunnel was its way; what it sends stays in the tunnel. It ends with that connection: start the program anew, or ss -K`;
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

/** A kernel without conntrack holds no flows. */
function readTracked(socket: NetlinkSocket): ReturnType<typeof readFlows> {
  try {
    return readFlows(socket);
  } catch (error) {
    if (hasErrno(error, "EINVAL", "EOPNOTSUPP", "EPROTONOSUPPORT")) return [];
    throw error;
  }
}
