import type { AmneziaVersion, NumberRange } from "../../config/section/obfuscation.ts";
import { AwgError } from "../../model/error.ts";
import { keyFromHex } from "../../uapi/key-text.ts";
import { isObfuscationKey } from "../../uapi/obfuscation.ts";
import { exactly, PAPER_TIMING, type TimeRange } from "../constants.ts";
import { generationOf, hasShortTags, isOlder, namedGeneration } from "./generation.ts";
import { type PacketTemplate, parsePacketTemplate } from "./packet-template.ts";
import type { AmneziaParameters, UapiParameters } from "./parameters.ts";
import { refuseImpossible } from "./refuse-impossible.ts";
import { CONTROLLED_JUNK_KEYS, refuseTags, SIGNATURE_KEYS } from "./refuse-tags.ts";

/**
 * Parses AmneziaWG parameters strictly. Values that make a released program crash, hang, fragment every packet or lose
 * messages are refused, even if those programs accept them. Absent, empty or 0 means off.
 *
 * @param generation the version in the config, unless the parameters name it (`awg_generation`); derived from them if
 * neither does
 * @throws AwgError("config") that names the parameter and never shows a key.
 */
export function parseParameters(
  values: UapiParameters,
  generation: AmneziaVersion | undefined = namedGeneration(values),
): AmneziaParameters {
  const unknown = Object.keys(values).find((key) => !isObfuscationKey(key));
  if (unknown !== undefined) throw wrong(unknown.slice(0, 40), "no AmneziaWG version has it");
  const needed = generationOf(values);
  if (generation !== undefined && isOlder(generation, needed)) {
    throw wrong("awg_generation", `it is ${generation}, but other parameters need ${needed}`);
  }
  const tagWidth = hasShortTags(values, generation) ? 4 : 8;
  refuseTags(values, generation ?? needed, tagWidth === 8);
  const templates = (keys: readonly string[]): PacketTemplate[] =>
    keys.flatMap((key) =>
      isOff(values[key]) ? [] : [named(key, () => parsePacketTemplate(values[key] ?? "", tagWidth))],
    );
  const count = (key: string, maximum: number): number => numberOf(values, key, maximum);
  const parameters: AmneziaParameters = {
    generation: generation ?? needed,
    junk: { count: count("jc", 128), smallestBytes: count("jmin", 65534), largestBytes: count("jmax", 65534) },
    paddingBytes: {
      initiation: count("s1", 1132),
      response: count("s2", 1188),
      cookie: count("s3", 1216),
      transport: count("s4", 1216),
    },
    headers: {
      initiation: headerOf(values, "h1", 1),
      response: headerOf(values, "h2", 2),
      cookie: headerOf(values, "h3", 3),
      transport: headerOf(values, "h4", 4),
    },
    signature: templates(SIGNATURE_KEYS),
    controlledJunk: templates(CONTROLLED_JUNK_KEYS),
    signatureIntervalSeconds: count("itime", 2147483647),
    headerProtectionKey: keyOf(values),
    contentPadding: optionalRange(values, "content_padding_addition", 65535),
    hasRandomTrailers: flagOf(values, "random_trailers"),
    disablesCookies: flagOf(values, "disable_cookies"),
    timing: timingOf(values),
  };
  refuseImpossible(parameters);
  return parameters;
}

function isOff(text: string | undefined): boolean {
  return text === undefined || text === "";
}

function numberOf(values: UapiParameters, key: string, maximum: number): number {
  const text = values[key];
  if (text === undefined || isOff(text)) return 0;
  if (!/^[0-9]{1,10}$/.test(text) || Number(text) > maximum)
    throw wrong(key, `it is not a number from 0 to ${maximum}`);
  return Number(text);
}

function rangeOf(key: string, text: string, maximum: number): NumberRange {
  const match = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/.exec(text);
  const low = Number(match?.[1]);
  const high = Number(match?.[2] ?? match?.[1]);
  if (match === null || high > maximum || low > high) throw wrong(key, `it is not a number or range up to ${maximum}`);
  return [low, high];
}

function headerOf(values: UapiParameters, key: string, usual: number): NumberRange {
  const text = values[key];
  return text === undefined || isOff(text) ? [usual, usual] : rangeOf(key, text, 4294967295);
}

function optionalRange(values: UapiParameters, key: string, maximum: number): NumberRange | undefined {
  const text = values[key];
  if (text === undefined || isOff(text)) return undefined;
  const range = rangeOf(key, text, maximum);
  return range[1] === 0 ? undefined : range;
}

function flagOf(values: UapiParameters, key: string): boolean {
  const text = values[key] ?? "";
  if (["", "0", "false"].includes(text)) return false;
  if (["1", "true"].includes(text)) return true;
  throw wrong(key, "it is not 0, 1, true or false");
}

/** 32 zero bytes disable the mask, as in amneziawg-go. */
function keyOf(values: UapiParameters): Uint8Array | undefined {
  const text = values["header_protection_key"];
  if (text === undefined || isOff(text)) return undefined;
  const key = keyFromHex(text);
  if (key === undefined) throw wrong("header_protection_key", "it is not 64 hexadecimal digits");
  return key.every((byte) => byte === 0) ? undefined : key;
}

function timingOf(values: UapiParameters): AmneziaParameters["timing"] {
  const seconds = (key: string, usual: TimeRange): TimeRange => {
    const range = optionalRange(values, key, 65535);
    return range === undefined ? usual : { low: 1000 * range[0], high: 1000 * range[1] };
  };
  const attempts = optionalRange(values, "max_handshake_attempts", 65535);
  return {
    rekeyAfterTime: seconds("rekey_after_time", PAPER_TIMING.rekeyAfterTime),
    rekeyTimeout: seconds("rekey_timeout", PAPER_TIMING.rekeyTimeout),
    rejectAfterTime: seconds("reject_after_time", PAPER_TIMING.rejectAfterTime),
    keepaliveTimeout: seconds("keepalive_timeout", PAPER_TIMING.keepaliveTimeout),
    maxHandshakeAttempts:
      attempts === undefined
        ? PAPER_TIMING.maxHandshakeAttempts
        : attempts[0] === attempts[1]
          ? exactly(attempts[0])
          : { low: attempts[0], high: attempts[1] },
  };
}

function named<T>(key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof AwgError ? wrong(key, error.message) : error;
  }
}

function wrong(key: string, why: string): AwgError {
  return new AwgError("config", `the parameter ${key} cannot be used: ${why}`, {
    facts: { parameter: key },
    remedy: "see docs/reference/amneziawg.md",
  });
}
