import { DNS_PORT } from "../../../../../model/firewall/flow-path.ts";
import { PROTOCOL } from "../../../../../model/firewall/packet.ts";
import { engineUids, type PolicyLayer } from "../../../../../model/firewall/policy.ts";
import { ENGINE_MARK, MARK_MASK } from "../../../../../model/ownership.ts";
import { type Expression, RTN_LOCAL, verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../../native/linux/nftables/match.ts";
import { type Rule, rule } from "../rendered-table.ts";
import { alternativesOf, INWARD, OUTWARD, type PeerSides, type RenderPlace } from "./conditions.ts";

const pass = () => verdict("return");

/** The value of `ct direction` for packets of the side that did not open the flow (IP_CT_DIR_REPLY). */
const CT_DIRECTION_REPLY = 1;

/** Conntrack holds the packet for an answer; packets it calls invalid have no direction and do not match. */
export function isReply({ match }: RenderPlace): Match {
  return match.field("ct.direction", CT_DIRECTION_REPLY);
}

/** The packet carries an engine's uid and mark: one alternative for each user that engines run as. */
export function isOurs({ match }: RenderPlace, layer: PolicyLayer): Match[][] {
  return engineUids(layer).map((uid) => [match.skuid(uid), match.mark(ENGINE_MARK, MARK_MASK)]);
}

/**
 * S3.1–S3.3, leaving: rules that return for what our own sockets may send. `fragments` are known by address alone.
 */
export function ownOut(place: RenderPlace, layer: PolicyLayer, fragments = false): Rule[] {
  const { match } = place;
  const bootstrap = layer.bootstrapDns.flatMap((server) =>
    [PROTOCOL.udp, PROTOCOL.tcp].map((protocol) => {
      const port = portOf(place, protocol, OUTWARD.port, DNS_PORT, fragments);
      return rule([match.skuid(layer.serviceUid), match.daddr(server), ...port], pass(), "S3.3 bootstrap DNS");
    }),
  );
  const engines = isOurs(place, layer).flatMap((ours) => [
    ...layer.endpoints.map(({ address, port, protocol }) => {
      const to = [match.daddr(address), ...portOf(place, protocol, OUTWARD.port, port, fragments)];
      return rule([...ours, ...to], pass(), "S3.1 endpoint of a tunnel");
    }),
    ...layer.listens.map(({ port }) => {
      const from = portOf(place, PROTOCOL.udp, "sport", port, fragments);
      return rule([...ours, ...from], pass(), "S3.2 listening tunnel");
    }),
  ]);
  return [...bootstrap, ...engines];
}

/** S3.1–S3.3, entering: rules that return for what comes back to our own sockets. */
export function ownIn(place: RenderPlace, layer: PolicyLayer): Rule[] {
  const { match } = place;
  const from = (address: string, protocol: number, port: number | undefined) => [
    match.saddr(address),
    ...portOf(place, protocol, INWARD.port, port, false),
  ];
  return [
    ...layer.endpoints.map(({ address, port, protocol }) =>
      rule(from(address, protocol, port), pass(), "S3.1 endpoint of a tunnel"),
    ),
    ...layer.listens.map(({ port }) =>
      rule(portOf(place, PROTOCOL.udp, "dport", port, false), pass(), "S3.2 listening tunnel"),
    ),
    ...layer.bootstrapDns.flatMap((server) =>
      [PROTOCOL.udp, PROTOCOL.tcp].map((protocol) =>
        rule(from(server, protocol, DNS_PORT), pass(), "S3.3 bootstrap DNS"),
      ),
    ),
  ];
}

/** How answers of stated exceptions are recognised: by conntrack, or by port alone where there is none (S9.1). */
export type AnswerTest = "conntrack" | "port" | "fragment";

/** S3.4, entering: rules that return for stated exceptions. */
export function allowIn(place: RenderPlace, layer: PolicyLayer): Rule[] {
  return allowed(place, layer, { address: "saddr", port: "dport" });
}

/**
 * S3.4, leaving: rules for the answers of stated exceptions, which return if `then` is absent. They are from an address of this
 * machine: any program may send by IPv6 in two foreign names (IPV6_FREEBIND), of which the second then answers what the first has
 * asked, and what is sent to an address of this machine goes by loopback, where strangers open no flow (S2.1).
 */
export function allowInAnswers(
  place: RenderPlace,
  layer: PolicyLayer,
  test: AnswerTest,
  then: Expression = pass(),
): Rule[] {
  const isOwn = place.match.field("fib.saddr.type", RTN_LOCAL);
  const first = test === "conntrack" ? [isReply(place)] : [];
  const last = test === "conntrack" ? [isOwn] : [];
  const sides: PeerSides = { address: "daddr", port: "sport" };
  return allowed(place, layer, sides, { first, last, fragments: test === "fragment", then });
}

interface AllowOptions {
  /** Conditions before and after those of the exception. */
  readonly first?: readonly Match[];
  readonly last?: readonly Match[];
  readonly fragments?: boolean;
  readonly then?: Expression;
}

function allowed(
  place: RenderPlace,
  layer: PolicyLayer,
  sides: PeerSides,
  { first = [], last = [], fragments = false, then = pass() }: AllowOptions = {},
): Rule[] {
  return layer.allow.flatMap(({ direction, ...peer }, index) => {
    if (direction !== "in") return [];
    return alternativesOf(place, `allow-${index}`, sides, { ...peer, portsUnknown: fragments }).map((alternative) =>
      rule([...first, ...alternative, ...last], then, `S3.4 killSwitch.allow/${index}`),
    );
  });
}

function portOf(
  { match }: RenderPlace,
  protocol: number,
  side: "sport" | "dport",
  port: number | undefined,
  fragments: boolean,
): Match[] {
  if (fragments || port === undefined) return [match.field("l4proto", protocol)];
  return [match.ports(protocol === PROTOCOL.tcp ? "tcp" : "udp", side, port)];
}
