import { upTo } from "./number-pattern.ts";

/** Regular expressions of texts for the JSON Schema: what an editor can refuse before awg reads the file. */

const OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
const IPV4 = `${OCTET}(\\.${OCTET}){3}`;
const IPV6 = "[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){1,7}(:?[0-9.]{7,15})?";
const PORT = `(?!0+$)${upTo(65535)}`;
const LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
/** A name; its last label is no number, unlike that of an address. */
const NAME = `(\\*\\.)?(${LABEL}\\.)*(?![0-9]+([.:]|$))${LABEL}\\.?`;

export const DOMAIN_PATTERN = `^${NAME}$`;
export const ADDRESS_PATTERN = `^(${IPV4}|${IPV6})$`;
export const PREFIX_PATTERN = `^(${IPV4}(/${upTo(32)})?|${IPV6}(/${upTo(128)})?)$`;
export const PORTS_PATTERN = `^(?!0+-)${upTo(65535)}(-${PORT})?$`.replace("^(?!0+-)", "^(?!0+(-|$))");
export const ENDPOINT_PATTERN = `^(${IPV4}|\\[${IPV6}\\]|${NAME}):${PORT}$`;
/** The same without unspecified, broadcast, multicast and link-local addresses. */
export const OTHER_END_PATTERN = ENDPOINT_PATTERN.replace(
  "^",
  "^(?!0\\.0\\.0\\.0:|255\\.255\\.255\\.255:|(22[4-9]|23[0-9])\\.[0-9]+\\.[0-9]+\\.[0-9]+:|\\[::\\]|\\[[fF][fF]|\\[[fF][eE][89abAB])",
);
export const KEY_PATTERN = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";
/** One line that is not blank, without characters that a terminal or editor would interpret. */
export const TEXT_PATTERN =
  "^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]*$";
/** A number from 0 to `maximum`, or two with a hyphen between them: "5", "5-9". */
export const NUMBER_RANGE_PATTERN = (maximum: number): string => `^${upTo(maximum)}(-${upTo(maximum)})?$`;

const UNITS: readonly (readonly [unit: string, seconds: number])[] = [
  ["ms", 0.001],
  ["s?", 1],
  ["m", 60],
  ["h", 3600],
  ["d", 86400],
];

/** One duration in whole seconds, or a range of them. */
export function secondsRangePattern(maximumSeconds: number): string {
  const one = UNITS.map(([unit, seconds]) => {
    const most = upTo(Math.floor(maximumSeconds / seconds + 1e-9));
    if (unit === "ms") return "([0-9]*000|0+)ms";
    return seconds === 1 ? `${most}(\\.0+)?${unit}` : `${most}(\\.[0-9]+)?${unit}`;
  }).join("|");
  return `^(${one})(-(${one}))?$`;
}

/** Durations of at most so many seconds, in any unit. */
export function durationPattern(maximumSeconds: number): string {
  const forms = UNITS.map(
    ([unit, seconds]) => `${upTo(Math.floor(maximumSeconds / seconds + 1e-9))}(\\.[0-9]+)?${unit}`,
  );
  return `^(${forms.join("|")})$`;
}
