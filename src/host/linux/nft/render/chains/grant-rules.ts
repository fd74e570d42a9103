import { DNS_PORT } from "../../../../../model/firewall/flow-path.ts";
import { PROTOCOL } from "../../../../../model/firewall/packet.ts";
import { engineUids, type PolicyLayer } from "../../../../../model/firewall/policy.ts";
import { ENGINE_MARK, MARK_MASK } from "../../../../../model/ownership.ts";
import { type Expression, RTN_LOCAL, verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../../native/linux/nftables/match.ts";
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
export function writeOwnOut(place: RenderPlace, chain: string, layer: PolicyLayer, fragments = false): void {
  const { writer, match } = place;
  for (const server of layer.bootstrapDns) {
    for (const protocol of [PROTOCOL.udp, PROTOCOL.tcp]) {
      const port = portOf(place, protocol, OUTWARD.port, DNS_PORT, fragments);
      const conditions = [match.skuid(layer.serviceUid), match.daddr(server), ...port];
      writer.rule(chain, conditions, pass(), "S3.3 bootstrap DNS");
    }
  }
  for (const ours of isOurs(place, layer)) {
    for (const { address, port, protocol } of layer.endpoints) {
      const conditions = [...ours, match.daddr(address), ...portOf(place, protocol, OUTWARD.port, port, fragments)];
      writer.rule(chain, conditions, pass(), "S3.1 endpoint of a tunnel");
    }
    for (const { port } of layer.listens) {
      const conditions = [...ours, ...portOf(place, PROTOCOL.udp, "sport", port, fragments)];
      writer.rule(chain, conditions, pass(), "S3.2 listening tunnel");
    }
  }
}

/** S3.1–S3.3, entering: rules that return for what comes back to our own sockets. */
export function writeOwnIn(place: RenderPlace, chain: string, layer: PolicyLayer): void {
  const { writer, match } = place;
  for (const { address, port, protocol } of layer.endpoints) {
    const conditions = [match.saddr(address), ...portOf(place, protocol, INWARD.port, port, false)];
    writer.rule(chain, conditions, pass(), "S3.1 endpoint of a tunnel");
  }
  for (const { port } of layer.listens) {
    writer.rule(chain, portOf(place, PROTOCOL.udp, "dport", port, false), pass(), "S3.2 listening tunnel");
  }
  for (const server of layer.bootstrapDns) {
    for (const protocol of [PROTOCOL.udp, PROTOCOL.tcp]) {
      const conditions = [match.saddr(server), ...portOf(place, protocol, INWARD.port, DNS_PORT, false)];
      writer.rule(chain, conditions, pass(), "S3.3 bootstrap DNS");
    }
  }
}

/** How answers of stated exceptions are told: by conntrack, or by port alone where it cannot be asked (S9.1). */
export type AnswerTest = "conntrack" | "port" | "fragment";

/** S3.4, entering: rules that return for stated exceptions. */
export function writeAllowIn(place: RenderPlace, chain: string, layer: PolicyLayer): void {
  writeAllow(place, chain, layer, { address: "saddr", port: "dport" });
}

/**
 * S3.4, leaving: rules that return for the answers of stated exceptions. They are from an address of this machine: any program
 * may send by IPv6 in two foreign names (IPV6_FREEBIND), of which the second then answers what the first has asked, and what is
 * sent to an address of this machine goes by loopback, where strangers open no flow (S2.1).
 */
export function writeAllowInAnswers(
  place: RenderPlace,
  chain: string,
  layer: PolicyLayer,
  test: AnswerTest,
  then: Expression = pass(),
): void {
  const isOwn = place.match.field("fib.saddr.type", RTN_LOCAL);
  const first = test === "conntrack" ? [isReply(place)] : [];
  const last = test === "conntrack" ? [isOwn] : [];
  writeAllow(
    place,
    chain,
    layer,
    { address: "daddr", port: "sport" },
    { first, last, fragments: test === "fragment", then },
  );
}

interface AllowOptions {
  /** Conditions before and after those of the exception. */
  readonly first?: readonly Match[];
  readonly last?: readonly Match[];
  readonly fragments?: boolean;
  readonly then?: Expression;
}

function writeAllow(
  place: RenderPlace,
  chain: string,
  layer: PolicyLayer,
  sides: PeerSides,
  { first = [], last = [], fragments = false, then = pass() }: AllowOptions = {},
): void {
  for (const [index, grant] of layer.allow.entries()) {
    if (grant.direction !== "in") continue;
    const { direction: _in, ...peer } = grant;
    for (const alternative of alternativesOf(place, `allow-${index}`, sides, { ...peer, portsUnknown: fragments })) {
      place.writer.rule(chain, [...first, ...alternative, ...last], then, `S3.4 killSwitch.allow/${index}`);
    }
  }
}

function portOf(
  { match }: RenderPlace,
  protocol: number,
  side: "sport" | "dport",
  port: number,
  fragments: boolean,
): Match[] {
  if (fragments) return [match.field("l4proto", protocol)];
  return [match.ports(protocol === PROTOCOL.tcp ? "tcp" : "udp", side, port)];
}
