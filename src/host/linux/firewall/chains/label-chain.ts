import type { ChainBase } from "../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, FIRST_REGISTER } from "../../../../native/linux/nftables/expression.ts";
import { loadField } from "../../../../native/linux/nftables/field.ts";
import type { Match } from "../../../../native/linux/nftables/match.ts";
import type { RenderPlace } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";
import { onTunnel } from "./layer-chains.ts";

/** The chain that labels answers to guests; where it stands the kernel has labels. */
export const LABELS = "labels";
/** Behind the last look that security modules take at labels (NF_IP_PRI_SELINUX_LAST is 225). */
const BASE: ChainBase = { type: "filter", hook: "postrouting", priority: 250, policy: "accept" };
/** nft writes a comparison of a whole label but cannot read it again, so one bit is left out. */
const LABEL_BITS = 0x7fff_ffff;

/**
 * Writes the chain that gives each answer to a guest a label (S9.3), skb->secmark, by which the egress hook knows that the
 * packet came through this machine's forwarding. Unlike a mark no socket can set it, whatever its rights and wherever
 * its namespace. nft knows no constant labels, so it is the flow's id, which is secret besides (nf_ct_get_id).
 */
export function writeLabels(place: RenderPlace): void {
  const { writer } = place;
  const labelled: Expression[] = [loadField("ct.id"), { kind: "meta-set", key: "secmark", source: FIRST_REGISTER }];
  writer.chain(LABELS, { base: BASE, comment: "S9.3 what egress tells answers to guests by" });
  const answer = [onTunnel(place, "iifname"), onTunnel(place, "oifname", true), isReply(place)];
  writer.rule(LABELS, answer, labelled, "S9.3 answer to a guest");
}

/** The packet has a label. */
export function isLabelled({ match }: RenderPlace): Match {
  return match.anyBit("secmark", LABEL_BITS);
}
