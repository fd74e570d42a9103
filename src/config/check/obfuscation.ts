import { isNoiseTunnel } from "../config.ts";
import { HEADER_KEYS, isOlder, ONLY_IN_1_5, versionNeededBy } from "../section/amnezia-version.ts";
import type { Obfuscation } from "../section/obfuscation.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";
import { checkHeaders } from "./obfuscation/headers.ts";
import { describePacket } from "./obfuscation/packet-tags.ts";

const PACKET_KEYS = ["i1", "i2", "i3", "i4", "i5"] as const;
const CONTROLLED_JUNK_KEYS = ["j1", "j2", "j3"] as const;
const SIZE_KEYS = ["s1", "s2", "s3", "s4"] as const;

/** Largest datagram that practically no path fragments. */
const SAFE_DATAGRAM = 1280;

/** AmneziaWG parameters that do not fit together, or do not exist in the named version. */
export function checkObfuscation(context: CheckContext): void {
  for (const [name, tunnel] of Object.entries(context.config.tunnels)) {
    const path = ["tunnels", name, "obfuscation"];
    if (!isNoiseTunnel(tunnel) || tunnel.obfuscation === undefined) continue;
    checkJunk(context, path, tunnel.obfuscation);
    checkHeaders(context, path, tunnel.obfuscation);
    checkVersion(context, path, tunnel.obfuscation);
    checkPackets(context, path, tunnel.obfuscation);
    checkHeaderProtection(context, path, tunnel.obfuscation);
    checkTiming(context, path, tunnel.obfuscation);
  }
}

function checkJunk(context: CheckContext, path: NodePath, { jc, jmin, jmax }: Obfuscation): void {
  if (!["jmin", "jmax"].every((key) => context.isCertain(path, key))) return;
  if (jmin > jmax) {
    const message = `the smallest junk packet (${jmin}) is larger than the largest (${jmax})`;
    context.report("obfuscation-junk-reversed", [...path, "jmin"], message, "swap jmin and jmax");
    return;
  }
  if (!context.isCertain(path, "jc")) return;
  if (jc > 0 && jmin === 0) {
    // amneziawg-go then sends an empty datagram, and wireguard-go drops the rest of the batch.
    const message = "junk packets may be empty, and receivers lose the handshake after an empty packet";
    const key = context.isUntouched([...path, "jmin"]) ? "jmin" : "jc";
    context.reportKey("obfuscation-junk-empty", [...path, key], message, "use jmin: 8 and jmax: 80, or jc: 0");
  } else if (jc > 0 && jmax > SAFE_DATAGRAM) {
    const message = `many paths fragment junk packets of ${jmax} bytes`;
    context.report("obfuscation-junk-large", [...path, "jmax"], message, `use at most ${SAFE_DATAGRAM}`);
  }
}

function checkVersion(context: CheckContext, path: NodePath, obfuscation: Obfuscation): void {
  const { version } = obfuscation;
  const isNamed = context.isUntouched([...path, "version"]);
  const { isVersionNamed: _, ...parameters } = obfuscation;
  for (const key of Object.keys(parameters) as (keyof typeof parameters)[]) {
    const needed = key === "version" ? "1.0" : versionNeededBy(key, obfuscation[key]);
    const isRemoved = ONLY_IN_1_5.includes(key) && !isOlder(version, "2.0");
    if (isRemoved && !isNamed) {
      const message = `${key} exists only in AmneziaWG 1.5, but other parameters need ${version}`;
      context.reportKey("obfuscation-version-conflict", [...path, key], message, `remove ${key}`);
    } else if (isRemoved) {
      context.reportKey(
        "obfuscation-version",
        [...path, key],
        `AmneziaWG 2.0 removed ${key}`,
        `remove ${key}, or set version: "1.5"`,
      );
    } else if (isOlder(version, needed)) {
      const isHeader = HEADER_KEYS.some((header) => header === key);
      const message = `${isHeader ? "a range of headers" : key} needs AmneziaWG ${needed}, but version is ${version}`;
      context.reportKey("obfuscation-version", [...path, key], message, `remove it, or set version: "${needed}"`);
    }
  }
}

function checkPackets(context: CheckContext, path: NodePath, obfuscation: Obfuscation): void {
  const isVersionCertain = context.isUntouched([...path, "version"]) || context.isUntouched(path);
  for (const key of [...PACKET_KEYS, ...CONTROLLED_JUNK_KEYS]) {
    const text = obfuscation[key];
    if (text === undefined) continue;
    const described = describePacket(text, obfuscation.version);
    const problems = described.problems.filter(({ id }) => isVersionCertain || id === "obfuscation-tag");
    const { sizeBytes } = described;
    for (const { id, message, remedy } of problems) context.report(id, [...path, key], message, remedy);
    if (problems.length === 0 && sizeBytes > SAFE_DATAGRAM) {
      const message = `the packet has ${sizeBytes} bytes, which many paths fragment`;
      context.report("obfuscation-tag-large", [...path, key], message, `use at most ${SAFE_DATAGRAM} bytes`);
    }
  }
  if (isVersionCertain && isOlder(obfuscation.version, "3.0")) checkGaps(context, path, obfuscation);
}

/**
 * amneziawg-go refuses i2 without i1 in 1.5 and in v0.2.15, the first release of 2.0; later ones skip a missing one.
 */
function checkGaps(context: CheckContext, path: NodePath, obfuscation: Obfuscation): void {
  const isNamed = context.isUntouched([...path, "version"]);
  const is15 = obfuscation.version === "1.5" && (isNamed || ONLY_IN_1_5.some((key) => obfuscation[key] !== undefined));
  for (const keys of [PACKET_KEYS, CONTROLLED_JUNK_KEYS]) {
    const gap = keys.findIndex((key) => !context.mentions(path, key));
    const late = gap < 0 ? undefined : keys.slice(gap).find((key) => obfuscation[key] !== undefined);
    if (late === undefined) continue;
    const message = `${late} is set without ${keys[gap]}, which ${is15 ? "1.5" : "early 2.0"} programs refuse`;
    const id = is15 ? "obfuscation-tag-gap" : "obfuscation-version-tag";
    context.reportKey(id, [...path, late], message, `rename it to ${keys[gap]}`);
  }
}

/** The mask's key includes the first 12 bytes of each message's padding. */
const HEADER_PROTECTION_NONCE_BYTES = 12;

function checkHeaderProtection(context: CheckContext, path: NodePath, obfuscation: Obfuscation): void {
  if (obfuscation.headerProtectionKey === undefined) return;
  for (const key of SIZE_KEYS) {
    if (obfuscation[key] >= HEADER_PROTECTION_NONCE_BYTES || !context.isCertain(path, key)) continue;
    const at = context.isUntouched([...path, key]) ? [...path, key] : [...path, "headerProtectionKey"];
    const message = `headerProtectionKey needs ${HEADER_PROTECTION_NONCE_BYTES} bytes of padding, but ${key} is ${obfuscation[key]}`;
    context.report(
      "obfuscation-header-key-padding",
      at,
      message,
      `set ${key} to ${HEADER_PROTECTION_NONCE_BYTES} or more`,
    );
  }
}

/** Whitepaper section 6.5: the defaults of WireGuard, also used for 0. */
const DEFAULT_REKEY_AFTER_SECONDS = 120;
const DEFAULT_REJECT_AFTER_SECONDS = 180;

function checkTiming(context: CheckContext, path: NodePath, { rekeyAfterTime, rejectAfterTime }: Obfuscation): void {
  if (!["rekeyAfterTime", "rejectAfterTime"].every((key) => context.isCertain(path, key))) return;
  const rekeyAfter = (rekeyAfterTime?.[1] ?? 0) || DEFAULT_REKEY_AFTER_SECONDS;
  const rejectAfter = (rejectAfterTime?.[0] ?? 0) || DEFAULT_REJECT_AFTER_SECONDS;
  if (rekeyAfter < rejectAfter) return;
  const key = rejectAfterTime === undefined ? "rekeyAfterTime" : "rejectAfterTime";
  const message = `sessions expire after ${rejectAfter} s, before they are renewed after ${rekeyAfter} s`;
  context.report("obfuscation-timing", [...path, key], message, "set rejectAfterTime above rekeyAfterTime");
}
