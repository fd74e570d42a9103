import type { Family } from "../../../../model/ip.ts";
import { CT_STATE, type CtKey, type ExpressionOf } from "../../../../native/linux/nftables/expression.ts";
import type { Term, Tracking } from "../../../space/packet-fields.ts";
import type { ReadingContext } from "../reading-context.ts";
import { nativeEndianBytes, wholeNumber } from "../register-value.ts";
import { free, type Loaded, opaque } from "./loaded.ts";

const tracked: Term = { dimension: "tracking", holds: (name) => name !== "invalid" && name !== "untracked" };
const ANSWERS: readonly string[] = ["answer", "related-answer"];
const ANSWER_TO: Readonly<Record<Family, CtKey>> = { 4: "dst-ip", 6: "dst-ip6" };
const answers: Term = { dimension: "tracking", holds: (name) => ANSWERS.includes(name) };

const STATE_BITS: Readonly<Record<Tracking, number>> = {
  new: CT_STATE.new,
  established: CT_STATE.established,
  answer: CT_STATE.established,
  related: CT_STATE.related,
  "related-answer": CT_STATE.related,
  invalid: CT_STATE.invalid,
  untracked: CT_STATE.untracked,
};

/** What a rule reads from connection tracking (nft_ct.c). */
export function loadTracking({ key, direction }: ExpressionOf<"ct">, { isOurs, family }: ReadingContext): Loaded {
  if (isOurs && direction === "reply" && key === ANSWER_TO[family]) return answerTo(family);
  if (direction !== undefined) return opaque(`ct ${direction} ${key}`);
  if (key === "state") {
    const bytesOf = (name: string) => nativeEndianBytes(STATE_BITS[name as Tracking]);
    return free({ kind: "named", dimension: "tracking", bytesOf });
  }
  if (key !== "direction") return { value: { kind: "opaque", what: `ct ${key}` }, needs: [tracked] };
  const bytesOf = (name: string) => Uint8Array.of(ANSWERS.includes(name) ? 1 : 0);
  return { value: { kind: "named", dimension: "tracking", bytesOf }, needs: [tracked] };
}

/**
 * The destination of answers on the wire. awg's own rules look at it of answers alone, so a packet's destination is that before
 * conntrack turns it.
 */
function answerTo(family: Family): Loaded {
  return { value: wholeNumber("destination", family === 4 ? 4 : 16), needs: [answers] };
}
