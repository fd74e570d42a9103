import { HEADER_KEYS, isOlder } from "../../section/amnezia-version.ts";
import type { Obfuscation } from "../../section/obfuscation.ts";
import type { NodePath } from "../../source/source-node.ts";
import type { CheckContext } from "../check-context.ts";

/** Size of each message before padding: initiation, response, cookie reply, empty data packet. */
const BASE_SIZES = { s1: 148, s2: 92, s3: 64, s4: 32 } as const;
const SIZE_KEYS = ["s1", "s2", "s3", "s4"] as const;

/** A receiver identifies a message by its size and by the header at the offset that the size implies. */
export function checkHeaders(context: CheckContext, path: NodePath, obfuscation: Obfuscation): void {
  const headers = HEADER_KEYS.filter((key) => context.isCertain(path, key));
  for (const [index, key] of headers.entries()) {
    for (const other of headers.slice(0, index)) checkOverlap(context, path, obfuscation, key, other);
  }
  checkLow(context, path, obfuscation);
  const sizes = SIZE_KEYS.filter((key) => context.isCertain(path, key));
  for (const [index, key] of sizes.entries()) {
    for (const other of sizes.slice(0, index)) checkCollision(context, path, obfuscation, key, other);
  }
  checkTrailers(context, path, obfuscation);
  checkMisreading(context, path, obfuscation);
}

type HeaderKey = (typeof HEADER_KEYS)[number];
type SizeKey = (typeof SIZE_KEYS)[number];

function checkOverlap(
  context: CheckContext,
  path: NodePath,
  values: Obfuscation,
  key: HeaderKey,
  other: HeaderKey,
): void {
  const [low, high] = values[key];
  const [otherLow, otherHigh] = values[other];
  if (high < otherLow || low > otherHigh) return;
  const at = context.isUntouched([...path, key]) ? key : other;
  const message = `${key} and ${other} share the value ${Math.max(low, otherLow)}`;
  context.report("obfuscation-header-overlap", [...path, at], message, "use separate ranges");
}

/** amneziawg-go up to v0.2.15 reads a single header of 0 to 4 as "not set" and uses its default. */
function checkLow(context: CheckContext, path: NodePath, values: Obfuscation): void {
  const isVersionCertain = context.isUntouched([...path, "version"]) || context.isUntouched(path);
  if (!isVersionCertain || !isOlder(values.version, "3.0")) return;
  for (const [index, key] of HEADER_KEYS.entries()) {
    const [low, high] = values[key];
    if (low > 4 || low !== high || low === index + 1) continue;
    const message = `programs before 2.0 and early 2.0 read ${key}: ${low} as not set and use ${index + 1}`;
    context.report("obfuscation-header-low", [...path, key], message, "use a value above 4");
  }
}

function checkCollision(
  context: CheckContext,
  path: NodePath,
  values: Obfuscation,
  key: SizeKey,
  other: SizeKey,
): void {
  const size = values[key] + BASE_SIZES[key];
  if (size !== values[other] + BASE_SIZES[other]) return;
  const at = context.isUntouched([...path, key]) ? key : other;
  const message = `${key} + ${BASE_SIZES[key]} and ${other} + ${BASE_SIZES[other]} are both ${size} bytes`;
  context.report("obfuscation-size-collision", [...path, at], message, `change ${at}`);
}

function checkTrailers(context: CheckContext, path: NodePath, values: Obfuscation): void {
  if (!values.randomTrailers) return;
  const range = (["h1", "h2", "h3"] as const).find((key) => values[key][0] !== values[key][1]);
  if (range === undefined) return;
  // amneziawg-go issue 186: a quarter of all packets was misread as handshakes.
  const message = `with randomTrailers and a range in ${range}, receivers misread data as handshakes and lose it`;
  context.report("obfuscation-trailers-range", [...path, range], message, "use single values, such as h1: 1");
}

/** A range this wide loses at least one in 4,096 packets of the affected size. */
const WIDE_RANGE = 2 ** 20;

/**
 * Released receivers use the first interpretation that fits. Data is padded to 16 bytes, so it can have a handshake's
 * size only if the difference fits (modulo 16), or with content padding. With trailers every larger size fits: see
 * checkTrailers.
 */
function checkMisreading(context: CheckContext, path: NodePath, values: Obfuscation): void {
  const pairs = [
    ["s1", "h1"],
    ["s2", "h2"],
    ["s3", "h3"],
  ] as const;
  for (const [size, header] of pairs) {
    if (![size, header, "s4"].every((key) => context.isCertain(path, key))) continue;
    const gap = values[size] + BASE_SIZES[size] - (values.s4 + BASE_SIZES.s4);
    const width = values[header][1] - values[header][0] + 1;
    const isMet = gap > 0 && (gap % 16 === 0 || values.contentPaddingAddition !== undefined);
    if (!isMet || width < WIDE_RANGE || values.randomTrailers || isNeverTaken(values, size, header)) continue;
    const percent = ((100 * width) / 2 ** 32).toPrecision(2);
    const message = `data packets of ${values[size] + BASE_SIZES[size]} bytes can be misread as handshakes: ${percent} % of them are lost`;
    const remedy = values.contentPaddingAddition === undefined ? `change ${size} by one, or narrow` : "narrow";
    context.report("obfuscation-size-misread", [...path, size], message, `${remedy} ${header}`);
  }
}

/**
 * Whether the word that a receiver reads never equals the header. The word is the data's own header or, without a mask,
 * the high half of its counter, which stays 0 (measured: no loss at a difference of 12).
 */
function isNeverTaken(values: Obfuscation, size: SizeKey, header: HeaderKey): boolean {
  const distance = values[size] - values.s4;
  const isCounterHigh = distance === 12 && values.headerProtectionKey === undefined;
  return distance === 0 || (isCounterHigh && values[header][0] > 0);
}
