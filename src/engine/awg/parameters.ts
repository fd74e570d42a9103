import type { AmneziaVersion, NumberRange } from "../../config/section/obfuscation.ts";
import type { Timing } from "../constants.ts";
import type { MessageKind } from "../wire/wire-format.ts";
import type { PacketTemplate } from "./packet-template.ts";

/** Parameters by their UAPI names, values as UAPI text; the header protection key in hex. */
export type UapiParameters = Readonly<Record<string, string>>;

/** The checked parameters of an obfuscation: see {@link parseParameters}. */
export interface AmneziaParameters {
  /** The version that sending follows; receiving accepts all. */
  readonly generation: AmneziaVersion;
  /** Junk packets before each initiation; both sizes are possible. */
  readonly junk: { readonly count: number; readonly smallestBytes: number; readonly largestBytes: number };
  /** S1 to S4. */
  readonly paddingBytes: Readonly<Record<MessageKind, number>>;
  /** H1 to H4. */
  readonly headers: Readonly<Record<MessageKind, NumberRange>>;
  /** I1 to I5, unset ones left out. */
  readonly signature: readonly PacketTemplate[];
  /** 1.5: J1 to J3, sent instead of the signature packets until `signatureIntervalSeconds` are over. */
  readonly controlledJunk: readonly PacketTemplate[];
  /** 1.5: itime; 0 sends signature packets with every initiation. */
  readonly signatureIntervalSeconds: number;
  /** 32 bytes; absent is off. */
  readonly headerProtectionKey: Uint8Array | undefined;
  /** Zero bytes added to each inner packet instead of padding to 16; undefined is off. */
  readonly contentPadding: NumberRange | undefined;
  readonly hasRandomTrailers: boolean;
  readonly disablesCookies: boolean;
  /** The paper's timers unless a parameter changes them. */
  readonly timing: Timing;
}
