import { areTagsOf20 } from "../../uapi/packet-tags.ts";
import {
  AMNEZIA_VERSIONS,
  type AmneziaVersion,
  type NumberRange,
  type Obfuscation,
  type ObfuscationInput,
} from "./obfuscation.ts";

type Key = keyof ObfuscationInput;

/** The version that brought each parameter that 1.0 does not have. */
export const PARAMETER_SINCE: Readonly<Partial<Record<Key, AmneziaVersion>>> = {
  s3: "1.5",
  s4: "1.5",
  i1: "1.5",
  i2: "1.5",
  i3: "1.5",
  i4: "1.5",
  i5: "1.5",
  j1: "1.5",
  j2: "1.5",
  j3: "1.5",
  itime: "1.5",
  headerProtectionKey: "3.0",
  contentPaddingAddition: "3.0",
  rekeyAfterTime: "3.0",
  rekeyTimeout: "3.0",
  rejectAfterTime: "3.0",
  keepaliveTimeout: "3.0",
  maxHandshakeAttempts: "3.0",
  randomTrailers: "3.1",
  disableCookies: "3.1",
};

/** Parameters of 1.5 alone: 2.0 refuses them as unknown. */
export const ONLY_IN_1_5: readonly Key[] = ["j1", "j2", "j3", "itime"];

/** Header values; ranges came with 2.0. */
export const HEADER_KEYS = ["h1", "h2", "h3", "h4"] as const;

/** Whether `version` is older than `other`. */
export function isOlder(version: AmneziaVersion, other: AmneziaVersion): boolean {
  return AMNEZIA_VERSIONS.indexOf(version) < AMNEZIA_VERSIONS.indexOf(other);
}

/** The oldest version that has this parameter with this value; 1.0 for values that disable it. */
export function versionNeededBy(key: Key, value: ObfuscationInput[Key]): AmneziaVersion {
  if (value === undefined || value === 0 || value === false) return "1.0";
  const isHeader = HEADER_KEYS.some((header) => header === key);
  if (isHeader) return isRange(value as NumberRange) ? "2.0" : "1.0";
  const isPacket = typeof value === "string" && /^[ij][1-5]$/.test(key);
  if (isPacket && areTagsOf20(value)) return "2.0";
  return PARAMETER_SINCE[key] ?? "1.0";
}

/** The same parameters with their version: the named one, else the oldest that has every parameter used. */
export function completeObfuscation(input: ObfuscationInput): Obfuscation {
  if (input.version !== undefined) return { ...input, version: input.version, isVersionNamed: true };
  let version: AmneziaVersion = "1.0";
  for (const key of Object.keys(input) as Key[]) {
    const needed = versionNeededBy(key, input[key]);
    if (isOlder(version, needed)) version = needed;
  }
  return { ...input, version };
}

function isRange(value: NumberRange): boolean {
  return value[0] !== value[1];
}
