import { PROTOCOL } from "../../../model/firewall/packet.ts";
import type { FlowMatch, PortRange } from "../../../model/firewall/policy.ts";
import { canTellUsers, type PfRule } from "./pf-rule.ts";

/** The part of a match that PF can express; the direction adds `from` and `to`. */
export interface FlowCase {
  readonly protocols?: readonly number[];
  readonly addresses?: readonly string[];
  readonly ports?: readonly PortRange[];
  readonly users?: readonly PortRange[];
  readonly isFragment?: true;
  /** It selects more than the match, because PF cannot be more exact. It may only block. */
  readonly isWider?: true;
}

/** Protocols with ports that PF reads. */
const PORTED = [PROTOCOL.tcp, PROTOCOL.udp];
/** Protocols with ports that PF does not read. */
const UNREAD = [PROTOCOL.dccp, PROTOCOL.sctp, PROTOCOL.udplite];

/**
 * The cases that together select the flows of a match, in their required order. A wider case replaces what PF cannot express:
 * ports of SCTP, DCCP and UDP-Lite, the owner of later fragments and of very high user numbers.
 */
export function flowCases(match: FlowMatch): FlowCase[] {
  const { destinations, ports, protocol, uids } = match;
  if (destinations?.length === 0 || uids?.length === 0 || ports?.length === 0) return [];
  const where = destinations === undefined ? {} : { addresses: destinations };
  if (uids !== undefined && protocol !== undefined && !PORTED.includes(protocol as 6 | 17)) return [];
  const users = uids === undefined ? {} : { users: uids };
  const isWider = uids !== undefined && !canTellUsers(uids) ? ({ isWider: true } as const) : {};
  const cases = portProtocols({ protocol, ports }).map(
    (protocols): FlowCase => ({
      ...(protocols === undefined ? {} : { protocols }),
      ...where,
      ...(ports === undefined ? {} : { ports }),
      ...users,
      ...isWider,
    }),
  );
  return [...fragmentCases(match), ...cases, ...unreadPortCases(match, where)];
}

/** The protocols to name in a rule with ports; none if PF does not read the ports, undefined for any. */
export function portProtocols(match: {
  readonly protocol?: number | undefined;
  readonly ports?: readonly PortRange[] | undefined;
}): (readonly number[] | undefined)[] {
  const { protocol, ports } = match;
  if (ports === undefined) return [protocol === undefined ? undefined : [protocol]];
  if (protocol === undefined) return [PORTED];
  return PORTED.includes(protocol as 6 | 17) ? [[protocol]] : [];
}

/** A case as hosts and options of a rule in one direction. */
export function caseWords(one: FlowCase, direction: "in" | "out"): Omit<PfRule, "action" | "why"> {
  const { protocols, addresses, ports, users, isFragment } = one;
  const side =
    addresses === undefined && ports === undefined
      ? undefined
      : { ...(addresses === undefined ? {} : { addresses }), ...(ports === undefined ? {} : { ports }) };
  return {
    direction,
    ...(protocols === undefined ? {} : { protocols }),
    ...(side === undefined ? {} : direction === "out" ? { to: side } : { from: side }),
    ...(users === undefined ? {} : { users }),
    ...(isFragment ? { isFragment } : {}),
  };
}

/** PF matches later fragments with every user: without this, a rule for one user would match all fragments. */
function fragmentCases({ destinations, ports, protocol, uids }: FlowMatch): FlowCase[] {
  if (uids === undefined || ports !== undefined) return [];
  return [
    {
      ...(protocol === undefined ? {} : { protocols: [protocol] }),
      ...(destinations === undefined ? {} : { addresses: destinations }),
      isFragment: true,
      isWider: true,
    },
  ];
}

function unreadPortCases({ ports, protocol, uids }: FlowMatch, where: Pick<FlowCase, "addresses">): FlowCase[] {
  if (ports === undefined || uids !== undefined) return [];
  if (protocol !== undefined && !UNREAD.includes(protocol as 33)) return [];
  return [{ protocols: protocol === undefined ? UNREAD : [protocol], ...where, isWider: true }];
}
