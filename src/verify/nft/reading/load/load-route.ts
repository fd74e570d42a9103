import { LOOPBACK_DEVICE } from "../../../../model/firewall/packet.ts";
import { MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../../model/ownership.ts";
import { type ExpressionOf, RTN_LOCAL, RTN_UNICAST } from "../../../../native/linux/nftables/expression.ts";
import type { Term } from "../../../space/packet-fields.ts";
import type { ReadingContext } from "../reading-context.ts";
import { nativeEndianBytes, wholeNumber } from "../register-value.ts";
import { free, type Loaded, opaque } from "./loaded.ts";

/** The reverse path lookup uses the mark. With another mark its result is unknown. */
const markedDirect: Term = {
  dimension: "mark",
  mask: MARK_MASK,
  values: [markOfPath(PATH_NUMBERS.direct)],
  not: false,
};
const LOCAL = nativeEndianBytes(RTN_LOCAL);
const UNICAST = nativeEndianBytes(RTN_UNICAST);

/** What a rule reads from the routing tables before the routing decision (nft_fib.c). Other lookups are unknown. */
export function loadRoute(lookup: ExpressionOf<"fib">, context: ReadingContext): Loaded {
  const { result, presenceOnly } = lookup;
  const by = lookup.flags.join();
  if (context.isOurs && result === "oif" && by === "saddr,mark,iif" && presenceOnly) return reversePath(context);
  if (result === "type" && by === "saddr" && !presenceOnly) return sourceType(context);
  if (result === "type" && by === "daddr" && !presenceOnly && context.hook === "prerouting") return destinationType();
  // What a proxy's routes send over loopback to another host is only given to its relay (S5.7).
  if (context.isOurs && result === "type" && by === "daddr" && !presenceOnly) {
    return free({
      kind: "named",
      dimension: "out",
      bytesOf: (name) => (name === LOOPBACK_DEVICE ? LOCAL : UNICAST),
      only: UNICAST,
    });
  }
  return opaque(lookup.kind);
}

/** awg's reverse path check (S6.8): present if the packets pass it. */
function reversePath({ forged }: ReadingContext): Loaded {
  return {
    value: { kind: "constant", bytes: nativeEndianBytes(forged ? 0 : 1) },
    needs: forged ? [markedDirect] : [],
  };
}

/** Locally generated packets have a local source, unless the lookup is a dimension. */
function sourceType({ looksUpSender }: ReadingContext): Loaded {
  if (looksUpSender !== undefined) return free(wholeNumber("sender", 4, true));
  const bytesOf = (name: string) => (name === "" || name === LOOPBACK_DEVICE ? LOCAL : UNICAST);
  return free({ kind: "named", dimension: "in", bytesOf, only: LOCAL });
}

/** A unicast destination means that the packet leaves by a device. A local one may be local, broadcast or multicast. */
function destinationType(): Loaded {
  const bytesOf = (name: string) => (name === "" ? nativeEndianBytes(0) : UNICAST);
  return free({ kind: "named", dimension: "out", bytesOf, only: UNICAST });
}
