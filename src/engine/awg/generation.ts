import type { AmneziaVersion } from "../../config/section/obfuscation.ts";
import { AwgError } from "../../model/error.ts";
import { GENERATION_KEY } from "../../uapi/obfuscation.ts";
import { areTagsOf20 } from "../../uapi/packet-tags.ts";
import type { UapiParameters } from "./parameters.ts";

const GENERATIONS: readonly AmneziaVersion[] = ["1.0", "1.5", "2.0", "3.0", "3.1"];

/** UAPI names by the version that introduced them, newest first. */
const BROUGHT_BY: readonly (readonly [AmneziaVersion, readonly string[]])[] = [
  ["3.1", ["random_trailers", "disable_cookies"]],
  [
    "3.0",
    [
      "header_protection_key",
      "content_padding_addition",
      "rekey_after_time",
      "rekey_timeout",
      "reject_after_time",
      "keepalive_timeout",
      "max_handshake_attempts",
    ],
  ],
];

const ONLY_IN_1_5 = ["j1", "j2", "j3", "itime"];
const HEADERS = ["h1", "h2", "h3", "h4"];
const PACKETS = ["i1", "i2", "i3", "i4", "i5", "j1", "j2", "j3"];

/**
 * The version named by the parameters.
 *
 * @throws AwgError("config") when there is no such version.
 */
export function namedGeneration(values: UapiParameters): AmneziaVersion | undefined {
  const text = values[GENERATION_KEY] ?? "";
  const generation = GENERATIONS.find((one) => one === text);
  if (generation !== undefined || text === "") return generation;
  throw new AwgError("config", `the parameter ${GENERATION_KEY} is not a version of AmneziaWG`, {
    remedy: `use one of ${GENERATIONS.join(", ")}`,
  });
}

/** Whether one version is older than another. */
export function isOlder(generation: AmneziaVersion, other: AmneziaVersion): boolean {
  return GENERATIONS.indexOf(generation) < GENERATIONS.indexOf(other);
}

/** The oldest version that has every enabled parameter. */
export function generationOf(values: UapiParameters): AmneziaVersion {
  const isOn = (key: string): boolean => !["", "0", "false", undefined].includes(values[key]);
  for (const [version, keys] of BROUGHT_BY) if (keys.some(isOn)) return version;
  if (HEADERS.some((key) => isRange(values[key] ?? ""))) return "2.0";
  if (PACKETS.some((key) => areTagsOf20(values[key] ?? ""))) return "2.0";
  if (ONLY_IN_1_5.some(isOn)) return "1.5";
  return ["s3", "s4", ...PACKETS].some(isOn) ? "1.5" : "1.0";
}

/**
 * Whether `<t>` and `<c>` have 4 bytes. They had 8 in 1.5, of which one release is still in use (amneziawg-go v0.2.13).
 * Without a named version or a parameter of 1.5 alone, a config with i1 is taken for a current one.
 */
export function hasShortTags(values: UapiParameters, named: AmneziaVersion | undefined): boolean {
  if (named !== undefined) return named !== "1.5" && named !== "1.0";
  return generationOf(values) !== "1.5" || !ONLY_IN_1_5.some((key) => !["", "0", undefined].includes(values[key]));
}

function isRange(text: string): boolean {
  const [low, high = low] = text.split("-");
  return low !== high;
}
