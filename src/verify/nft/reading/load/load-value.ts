import { LOOPBACK_DEVICE, LOOPBACK_INDEX } from "../../../../model/firewall/packet.ts";
import type { Expression, ExpressionOf } from "../../../../native/linux/nftables/expression.ts";
import { NO_USER, type Term } from "../../../space/packet-fields.ts";
import type { ReadingContext } from "../reading-context.ts";
import { nativeEndianBytes, wholeNumber } from "../register-value.ts";
import { bytesOfFragment, HEADER, loadFields, TRANSPORT } from "./header-fields.ts";
import { loadOfFrame } from "./load-frame.ts";
import { loadRoute } from "./load-route.ts";
import { loadTracking } from "./load-tracking.ts";
import { free, type Loaded, opaque } from "./loaded.ts";

const NFPROTO = { 4: 2, 6: 10 } as const;
const ETHERTYPE = { 4: Uint8Array.of(0x08, 0x00), 6: Uint8Array.of(0x86, 0xdd) } as const;
const NEXT_HOP = { 4: "nexthop4", 6: "nexthop6" } as const;
const DEVICE_BYTES = 16;
/** The same on every host. */
const INDEXES: ReadonlyMap<string, number> = new Map([
  ["", 0],
  [LOOPBACK_DEVICE, LOOPBACK_INDEX],
]);
const IPPROTO_FRAGMENT = 44;
const known: Term = { dimension: "user", ranges: [{ first: 0n, last: NO_USER - 1n }] };
const notLater: Term = { dimension: "fragment", holds: (name) => name !== "later" };
const fragmented: Term = { dimension: "fragment", holds: (name) => name !== "whole" };

/** The value that a load expression puts into its register; undefined for other expressions. */
export function loadValue(expression: Expression, context: ReadingContext): Loaded | undefined {
  const ofFrame = context.frames === true ? loadOfFrame(expression) : undefined;
  if (ofFrame !== undefined) return ofFrame;
  switch (expression.kind) {
    case "meta":
      return loadMeta(expression, context);
    case "payload":
      return loadPayload(expression, context);
    case "ct":
      return loadTracking(expression, context);
    case "exthdr":
      return loadExtension(expression, context);
    case "immediate":
      return free({ kind: "constant", bytes: expression.data });
    case "fib":
      return loadRoute(expression, context);
    case "socket":
      return opaque(`socket ${expression.key}`);
    case "rt":
      return opaque(expression.key === NEXT_HOP[context.family] ? "next hop" : expression.kind);
    default:
      return undefined;
  }
}

function loadMeta({ key }: ExpressionOf<"meta">, { family, indexes }: ReadingContext): Loaded {
  switch (key) {
    case "mark":
      return free(wholeNumber("mark", 4, true));
    case "skuid":
      return { value: wholeNumber("user", 4, true), needs: [known] };
    case "l4proto":
      return free(wholeNumber("protocol", 1));
    case "len":
      return free(wholeNumber("length", 4, true));
    case "nfproto":
      return free({ kind: "constant", bytes: Uint8Array.of(NFPROTO[family]) });
    case "protocol":
      return free({ kind: "constant", bytes: ETHERTYPE[family] });
    case "iifname":
    case "oifname":
      return free({ kind: "named", dimension: key === "iifname" ? "in" : "out", bytesOf: deviceName });
    case "iif":
    case "oif": {
      const bytesOf = (name: string) => nativeEndianBytes(INDEXES.get(name) ?? indexes.get(name) ?? 0xffff_ffff);
      return free({ kind: "named", dimension: key === "iif" ? "in" : "out", bytesOf });
    }
    default:
      return opaque(`meta ${key}`);
  }
}

function loadPayload(expression: ExpressionOf<"payload">, context: ReadingContext): Loaded {
  const { base, offset, length } = expression;
  // In netdev chains the kernel ignores the fragment offset and reads the bytes there. Elsewhere the rule stops
  // (nft_payload.c, nft_payload_eval: "if (pkt->fragoff) goto err").
  if (base === "transport") {
    return { value: loadFields(TRANSPORT, offset, length), needs: context.table === "netdev" ? [] : [notLater] };
  }
  if (base !== "network") return opaque(`${base} header bytes ${offset}-${offset + length - 1}`);
  return free(loadFields(HEADER[context.family], offset, length));
}

function loadExtension(
  { protocol, type, offset, length, presenceOnly }: ExpressionOf<"exthdr">,
  { family }: ReadingContext,
): Loaded {
  if (protocol === "tcp-option") return opaque("an option of TCP");
  if (protocol !== "ipv6" || type !== IPPROTO_FRAGMENT || family !== 6) return opaque(`extension header ${type}`);
  if (presenceOnly) {
    const bytesOf = (name: string) => Uint8Array.of(name === "whole" ? 0 : 1);
    return free({ kind: "named", dimension: "fragment", bytesOf });
  }
  if (offset !== 2 || length !== 2) return { value: { kind: "opaque", what: "fragment header" }, needs: [fragmented] };
  const bytesOf = (name: string) => bytesOfFragment(6, name);
  return { value: { kind: "named", dimension: "fragment", bytesOf }, needs: [fragmented] };
}

function deviceName(name: string): Uint8Array {
  const bytes = new Uint8Array(DEVICE_BYTES);
  bytes.set(new TextEncoder().encode(name).subarray(0, DEVICE_BYTES - 1));
  return bytes;
}
