import { AwgError } from "../../model/error.ts";
import { MESSAGE_BYTES, type MessageKind, MIN_TRANSPORT_BYTES } from "../wire/wire-format.ts";
import { MASK_NONCE_BYTES } from "./header-mask.ts";
import type { AmneziaParameters } from "./parameters.ts";

const KINDS: readonly MessageKind[] = ["initiation", "response", "cookie", "transport"];
const BASE_BYTES: Readonly<Record<MessageKind, number>> = { ...MESSAGE_BYTES, transport: MIN_TRANSPORT_BYTES };

/**
 * Refuses parameters with which no two engines can communicate, or a released one crashes or hangs.
 *
 * @throws AwgError("config")
 */
export function refuseImpossible(parameters: AmneziaParameters): void {
  refuseJunk(parameters);
  for (const [index, kind] of KINDS.entries()) {
    const size = parameters.paddingBytes[kind];
    if (parameters.headerProtectionKey !== undefined && size < MASK_NONCE_BYTES) {
      throw impossible(`s${index + 1} is ${size}, but header protection needs 12 bytes of padding for its nonce`);
    }
    for (const [before, other] of KINDS.slice(0, index).entries()) {
      const [low, high] = parameters.headers[kind];
      const [otherLow, otherHigh] = parameters.headers[other];
      if (low <= otherHigh && otherLow <= high) {
        throw impossible(`h${before + 1} and h${index + 1} share the value ${Math.max(low, otherLow)}`);
      }
      if (size + BASE_BYTES[kind] === parameters.paddingBytes[other] + BASE_BYTES[other]) {
        throw impossible(
          `s${before + 1} and s${index + 1} give two messages the size of ${size + BASE_BYTES[kind]} bytes`,
        );
      }
    }
  }
}

/**
 * jmin above jmax makes amneziawg-go v0.2.19 panic and 3.x hang; after an empty datagram wireguard-go loses a batch.
 */
function refuseJunk({ junk, generation, controlledJunk, signatureIntervalSeconds }: AmneziaParameters): void {
  if (junk.smallestBytes > junk.largestBytes) throw impossible("jmin is above jmax");
  if (junk.count > 0 && junk.smallestBytes === 0) throw impossible("junk packets may be empty: jmin is 0");
  if (generation !== "1.5" && (controlledJunk.length > 0 || signatureIntervalSeconds > 0)) {
    throw impossible(`j1 to j3 and itime exist only in 1.5, but other parameters need ${generation}`);
  }
}

function impossible(why: string): AwgError {
  return new AwgError("config", `the obfuscation cannot work: ${why}`, { remedy: "see docs/reference/amneziawg.md" });
}
