import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import type { FlowTuple } from "../../../../native/linux/conntrack/flow.codec.ts";
import type { DiagSocket } from "../../../../native/linux/netlink/inet-diag.codec.ts";
import { forbiddenFlows, type LocalAddresses } from "./forbidden-flows.ts";

const TCP = 6;
/** Services listen on ports below it; clients connect from higher ones. */
const FIRST_CLIENT_PORT = 1024;
const ANY_ADDRESS = new Set(["0.0.0.0", "::"]);

/** TCP sockets of this host. */
export interface TcpSockets {
  readonly listening: readonly DiagSocket[];
  readonly connected: readonly DiagSocket[];
}

/**
 * The connections that other hosts opened to this one and that the policy lets in, as tuples of their first packet (rule
 * S11.2). Linux does not record who opened a connection. One to a listening port, from a client port, counts as opened by the
 * other side. Pure.
 */
export function acceptedFlows(
  policy: FirewallPolicy,
  { listening, connected }: TcpSockets,
  local: LocalAddresses,
): FlowTuple[] {
  const accepted = connected.filter(
    (one) =>
      local.own.has(one.local.address) &&
      !local.own.has(one.remote.address) &&
      one.remote.port >= FIRST_CLIENT_PORT &&
      listening.some((listener) => isAt(listener, one)),
  );
  const flows = accepted.map(({ local: here, remote: there }) => {
    const original = {
      source: there.address,
      destination: here.address,
      protocol: TCP,
      sourcePort: there.port,
      destinationPort: here.port,
    };
    const family = original.source.includes(":") ? (6 as const) : (4 as const);
    return { family, original, reply: original, status: 0, mark: 0, zone: 0, id: 0 };
  });
  const forbidden = new Set(forbiddenFlows(policy, flows, local));
  return flows.filter((flow) => !forbidden.has(flow)).map(({ original }) => original);
}

function isAt({ local }: DiagSocket, one: DiagSocket): boolean {
  return local.port === one.local.port && (ANY_ADDRESS.has(local.address) || local.address === one.local.address);
}
