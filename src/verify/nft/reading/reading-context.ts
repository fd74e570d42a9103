import type { Family } from "../../../model/ip.ts";
import type { HookName } from "../../../native/linux/nftables/chain.codec.ts";
import type { TableFamily } from "../../../native/linux/nftables/field.ts";

/** The context of a rule: the packets, the chain and the owner. */
export interface ReadingContext {
  /** IP version of the packets. */
  readonly family: Family;
  /**
   * The frames are not IP.
   *
   * `word0` holds the frame's protocol (skb->protocol). `source` and `destination` hold the sender and target address
   * of an ARP message (RFC 826).
   */
  readonly frames?: true;
  readonly table: TableFamily;
  /** Hook of the rule's chain; absent for a chain without a hook. */
  readonly hook?: HookName;
  /** The route type of the source is a dimension. Otherwise locally generated packets have a local source. */
  readonly looksUpSender?: true;
  /** The rule belongs to awg. */
  readonly isOurs?: boolean;
  /** The packets fail awg's reverse path check (S6.8). If absent, they pass it. */
  readonly forged?: true;
  /** The packets open their flows. */
  readonly opens?: true;
  /** Index of each device by name. */
  readonly indexes: ReadonlyMap<string, number>;
}
