import type { Obfuscation } from "../../config/config.ts";
import type { SecretId, SecretRef } from "../../model/secret.ts";
import { GENERATION_KEY, SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";

/** The default of each parameter; engines print some of these and leave others out. */
const DEFAULTS: Readonly<Record<string, string>> = {
  h1: "1",
  h2: "2",
  h3: "3",
  h4: "4",
  random_trailers: "0",
  disable_cookies: "0",
};

/** Whether a parameter's value is secret; it is passed as the id of a secret. */
export function isSecretParameter(name: string): boolean {
  return name === SECRET_OBFUSCATION_KEY;
}

/**
 * AmneziaWG parameters in normal form, so that the wanted and the printed ones are equal exactly if they mean the same:
 * defaults left out, `a-a` as `a`, true and false as 1 and 0. Names and values as in UAPI.
 */
export function normalParameters(parameters: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const normal: Record<string, string> = {};
  for (const [name, text] of Object.entries(parameters)) {
    const value = normalValue(name, text);
    if (value !== (DEFAULTS[name] ?? "0") && value !== "") normal[name] = value;
  }
  return normal;
}

function normalValue(name: string, text: string): string {
  if (name === "random_trailers" || name === "disable_cookies")
    return text === "true" ? "1" : text === "false" ? "0" : text;
  const [, low, high] = /^([0-9]+)-([0-9]+)$/.exec(text) ?? [];
  return low !== undefined && low === high ? low : text;
}

const NUMBERS = ["jc", "jmin", "jmax", "s1", "s2", "s3", "s4"] as const;
const RANGES = {
  h1: "h1",
  h2: "h2",
  h3: "h3",
  h4: "h4",
  contentPaddingAddition: "content_padding_addition",
  rekeyAfterTime: "rekey_after_time",
  rekeyTimeout: "rekey_timeout",
  rejectAfterTime: "reject_after_time",
  keepaliveTimeout: "keepalive_timeout",
  maxHandshakeAttempts: "max_handshake_attempts",
  itime: "itime",
} as const;
const PACKETS = ["i1", "i2", "i3", "i4", "i5", "j1", "j2", "j3"] as const;

/**
 * The parameters of a config as UAPI names and values, in normal form. The key of the mask is the id of its secret; its
 * hex is inserted when the parameters are sent to an engine.
 *
 * @param isEmbedded for the embedded engine, which also gets the version that the config names
 */
export function obfuscationParameters(
  obfuscation: Obfuscation,
  secrets: (ref: SecretRef) => SecretId,
  isEmbedded: boolean,
): Readonly<Record<string, string>> {
  const { headerProtectionKey, isVersionNamed, version } = obfuscation;
  const parameters: Record<string, string> = {
    random_trailers: obfuscation.randomTrailers ? "1" : "0",
    disable_cookies: obfuscation.disableCookies ? "1" : "0",
    ...(isEmbedded && isVersionNamed === true ? { [GENERATION_KEY]: version } : {}),
    ...(headerProtectionKey === undefined ? {} : { [SECRET_OBFUSCATION_KEY]: secrets(headerProtectionKey) }),
  };
  for (const name of NUMBERS) parameters[name] = String(obfuscation[name]);
  for (const [key, name] of Object.entries(RANGES) as [keyof typeof RANGES, string][]) {
    const range = obfuscation[key];
    if (range !== undefined) parameters[name] = `${range[0]}-${range[1]}`;
  }
  for (const name of PACKETS) parameters[name] = obfuscation[name] ?? "";
  return normalParameters(parameters);
}
