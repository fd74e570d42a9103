import { LOOPBACK_DEVICE } from "../../../../../model/firewall/packet.ts";
import { MARK_MASK, markOfPath } from "../../../../../model/ownership.ts";
import type { ChainBase } from "../../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, FIRST_REGISTER, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { loadField } from "../../../../../native/linux/nftables/field.ts";
import { type Match, setMark } from "../../../../../native/linux/nftables/match.ts";
import { LABELS } from "../chain-names.ts";
import type { RenderPlace } from "./conditions.ts";
import { outlives } from "./flow-memory-chains.ts";
import { isReply } from "./grant-rules.ts";
import { onTunnel } from "./layer-chains.ts";
import { hasSocket } from "./link-rules.ts";

/** Behind the last look that security modules take at labels (NF_IP_PRI_SELINUX_LAST is 225). */
const BASE: ChainBase = { type: "filter", hook: "postrouting", priority: 250, policy: "accept" };
/** The chain that labels what this machine sends and no socket owns. */
const OWN_LABELS = "own-labels";
/**
 * Nothing comes by here but what this machine's own stack sends; by postrouting comes what is bridged, too, without a device
 * that it came by (br_nf_post_routing of net/bridge/br_netfilter_hooks.c). Behind conntrack, and behind whoever else gives
 * labels (NF_IP_PRI_SECURITY is 50).
 */
const OWN_BASE: ChainBase = { type: "filter", hook: "output", priority: 250, policy: "accept" };
/** nft writes a comparison of a whole label but cannot read it again, so one bit is left out. */
const LABEL_BITS = 0x7fff_ffff;

/**
 * nft knows no constant labels, so a label is the flow's id, which is secret besides (nf_ct_get_id). What conntrack does not
 * know gets none.
 */
const LABELLED: readonly Expression[] = [
  loadField("ct.id"),
  { kind: "meta-set", key: "secmark", source: FIRST_REGISTER },
];

/**
 * Writes the chain that gives each answer to a guest a label (S9.3), skb->secmark, by which the egress hook knows that the
 * packet came through this machine's forwarding. Unlike a mark no socket can set it, whatever its rights and wherever
 * its namespace.
 */
export function writeLabels(place: RenderPlace): void {
  const { writer } = place;
  writer.chain(LABELS, { base: BASE, comment: "S9.3 label that marks answers to guests at egress" });
  const answer = [onTunnel(place, "iifname"), onTunnel(place, "oifname", true), isReply(place)];
  writer.rule(LABELS, answer, LABELLED, "S9.3 answer to a guest");
}

/**
 * Writes the rules that label what is left of flows whose program is gone, by which the egress hook knows that this machine
 * sends it (S4.10). A label that others gave serves as well, and stays. What bears a tunnel's mark and stands on a physical
 * device all the same loses it, or it would look like an answer to a guest.
 */
export function writeOwnLabels(place: RenderPlace, numbers: readonly number[]): void {
  const { writer, match } = place;
  writer.chain(OWN_LABELS, { base: OWN_BASE, comment: "S4.10 what egress tells the rest of this machine's flows by" });
  writer.rule(OWN_LABELS, [hasSocket(place)], verdict("accept"), "S4.4 its user is known");
  const unlabelled = match.anyBit("secmark", LABEL_BITS, { not: true });
  const leaving = match.field("oifname", LOOPBACK_DEVICE, { not: true });
  writer.rule(OWN_LABELS, [outlives(place), leaving, unlabelled], LABELLED, "S4.10 sent by this machine");
  const astray = [onTunnel(place, "iifname", true), onTunnel(place, "oifname", true), isLabelled(place)];
  for (const number of numbers) {
    const marked = match.mark(markOfPath(number), MARK_MASK);
    writer.rule(LABELS, [marked, ...astray], setMark(0, MARK_MASK), "S4.10 no answer to a guest");
  }
}

/** The packet has a label. */
export function isLabelled({ match }: RenderPlace): Match {
  return match.anyBit("secmark", LABEL_BITS);
}
