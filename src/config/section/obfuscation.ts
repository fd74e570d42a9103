import { z } from "zod";
import { keyMeta } from "../feature/support.ts";
import { durationRange } from "../field/duration.ts";
import { type Fault, fault, isFault, leaf, quote, wrongType } from "../field/leaf.ts";
import { NUMBER_RANGE_PATTERN } from "../field/patterns.ts";
import { boolean, checkWholeNumber, wholeNumber } from "../field/scalar.ts";
import { secretKey } from "../field/secret-ref.ts";
import { OBFUSCATION_CONSTRAINTS } from "./constraints.ts";

/** AmneziaWG generations, oldest first. */
export const AMNEZIA_VERSIONS = ["1.0", "1.5", "2.0", "3.0", "3.1"] as const;
export type AmneziaVersion = (typeof AMNEZIA_VERSIONS)[number];

/** Lowest and highest value, both included; equal for a single value. */
export type NumberRange = readonly [minimum: number, maximum: number];

const version = leaf(
  { enum: [...AMNEZIA_VERSIONS, 1, 1.5, 2, 3, 3.1], form: AMNEZIA_VERSIONS.join(", ") },
  (input): AmneziaVersion | Fault => {
    const word = typeof input === "number" ? input.toFixed(1) : input;
    const known = AMNEZIA_VERSIONS.find((candidate) => candidate === word && Number(candidate) === Number(input));
    if (known !== undefined) return known;
    if (typeof input !== "string" && typeof input !== "number") return wrongType(input, `"2.0"`);
    return fault("not-one-of", `${quote(input)} is no AmneziaWG version`, `use one of ${AMNEZIA_VERSIONS.join(", ")}`);
  },
);

/** One 32-bit message header or a range of them. */
function header() {
  const json = {
    form: "number or range",
    anyOf: [
      { type: "integer", minimum: 0, maximum: 4294967295 },
      { type: "string", pattern: NUMBER_RANGE_PATTERN(4294967295) },
    ],
  };
  return leaf(json, (input) => numberRange(input, 4294967295));
}

/** A number or a range `a-b` of numbers from 0 to `maximum`. */
function numberRange(input: unknown, maximum: number): NumberRange | Fault {
  if (typeof input !== "string" && typeof input !== "number")
    return wrongType(input, "a number or a range such as 1000-2000");
  const match = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/.exec(String(input).slice(0, 32));
  const remedy = `use a number from 0 to ${maximum}, or a range such as 1000-2000`;
  if (match === null) return fault("obfuscation-header-syntax", `${quote(input)} is not a number or a range`, remedy);
  const low = checkWholeNumber(Number(match[1]), 0, maximum);
  const high = checkWholeNumber(Number(match[2] ?? match[1]), 0, maximum);
  if (isFault(low)) return low;
  if (isFault(high)) return high;
  if (low <= high) return [low, high];
  return fault("obfuscation-header-syntax", `the range ${quote(input)} is reversed`, `use ${high}-${low}`);
}

const packet = leaf({ type: "string", maxLength: 16384, pattern: "^\\s*(<[^<>]*>\\s*)+$" }, (input): string | Fault => {
  if (typeof input !== "string") return wrongType(input, "a packet such as <b 0xc0ff><r 16>");
  return input.length > 16384
    ? fault("text-too-long", "the packet description is too long", "use at most 16384 characters")
    : input;
});

const timing = (what: string) =>
  durationRange(0, 65535).describe(`${what}, in seconds or a range of them. Since 3.0.`).exactOptional();
const junkPacket = (number: number) =>
  packet
    .describe(
      `Packet ${number} sent before a handshake, in the tag language: <b 0xHEX> <r N> <rc N> <rd N> <t>. Since 1.5.`,
    )
    .exactOptional();
const controlledJunk = (number: number) =>
  packet.describe(`Controlled junk packet ${number}. Only 1.5.`).exactOptional();

/** Defaults are what switches each parameter off, so that an empty map is plain WireGuard on the wire. */
export const obfuscationSchema = z
  .strictObject({
    version: version
      .describe("AmneziaWG version both ends speak: 1.0, 1.5, 2.0, 3.0 or 3.1; found from the parameters when absent.")
      .exactOptional(),
    jc: wholeNumber(0, 128).describe("How many junk packets precede a handshake; 4 to 12 is usual.").prefault(0),
    jmin: wholeNumber(0, 65534).describe("Smallest junk packet in bytes.").prefault(0),
    jmax: wholeNumber(0, 65534)
      .describe("Largest junk packet in bytes; at most 1280 stays whole on every path.")
      .prefault(0),
    s1: wholeNumber(0, 1132).describe("Random bytes before a handshake initiation. Same on both ends.").prefault(0),
    s2: wholeNumber(0, 1188).describe("Random bytes before a handshake response. Same on both ends.").prefault(0),
    s3: wholeNumber(0, 1216).describe("Random bytes before a cookie reply. Same on both ends. Since 1.5.").prefault(0),
    s4: wholeNumber(0, 1216)
      .describe("Random bytes before each data packet; costs that much of the MTU. Same on both ends. Since 1.5.")
      .prefault(0),
    h1: header()
      .describe("Header of handshake initiations: a number, or a range a-b (2.0). Same on both ends.")
      .prefault(1),
    h2: header().describe("Header of handshake responses. Same on both ends.").prefault(2),
    h3: header().describe("Header of cookie replies. Same on both ends.").prefault(3),
    h4: header().describe("Header of data packets. Same on both ends.").prefault(4),
    i1: junkPacket(1),
    i2: junkPacket(2),
    i3: junkPacket(3),
    i4: junkPacket(4),
    i5: junkPacket(5),
    j1: controlledJunk(1),
    j2: controlledJunk(2),
    j3: controlledJunk(3),
    itime: durationRange(0, 2147483647)
      .describe("Seconds before packets i1 to i5 are sent again. Only 1.5.")
      .exactOptional(),
    headerProtectionKey: secretKey
      .meta(
        keyMeta(
          "Key that masks headers: a reference to 32 bytes in base64. Same on both ends. Since 3.0.",
          "secret.keychain",
        ),
      )
      .exactOptional(),
    contentPaddingAddition: leaf(
      {
        form: "number or range",
        anyOf: [
          { type: "integer", minimum: 0, maximum: 65535 },
          { type: "string", pattern: NUMBER_RANGE_PATTERN(65535) },
        ],
      },
      (input) => numberRange(input, 65535),
    )
      .describe("Zero bytes added to each packet's content, a number or a range. Since 3.0.")
      .exactOptional(),
    randomTrailers: boolean()
      .describe("Random bytes behind handshake messages. Same on both ends. Since 3.1.")
      .prefault(false),
    disableCookies: boolean()
      .describe("Stay silent instead of sending cookie replies under load. Since 3.1.")
      .prefault(false),
    rekeyAfterTime: timing("Age of a session at which it is renewed"),
    rekeyTimeout: timing("Wait before a handshake is repeated"),
    rejectAfterTime: timing("Age of a session at which it is refused"),
    keepaliveTimeout: timing("Silence after which an empty packet is sent"),
    maxHandshakeAttempts: leaf(
      {
        form: "number or range",
        anyOf: [
          { type: "integer", minimum: 0, maximum: 65535 },
          { type: "string", pattern: NUMBER_RANGE_PATTERN(65535) },
        ],
      },
      (input) => numberRange(input, 65535),
    )
      .describe("Handshakes tried before a peer is given up, a number or a range. Since 3.0.")
      .exactOptional(),
  })
  .meta(OBFUSCATION_CONSTRAINTS);

/** An obfuscation as written, with the disabling value of each parameter that is missing. */
export type ObfuscationInput = z.output<typeof obfuscationSchema>;

/** The same with its version: the named one, or the oldest that has every parameter used. */
export type Obfuscation = ObfuscationInput & {
  readonly version: AmneziaVersion;
  /** The config names the version, which decides where the parameters leave a choice. */
  readonly isVersionNamed?: true;
};
