import { bytesToHex } from "../../uapi/key-text.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import { OBFUSCATION_KEYS } from "../wg-quick/conf-keys.ts";
import { keyOfText, wrong } from "./values.ts";

/** One AmneziaWG parameter by its three names. */
export interface ObfuscationWord {
  /** In a conf: HeaderProtectionKey. */
  readonly conf: string;
  /** On the command line of `set` and `show`: header-protection-key. */
  readonly option: string;
  /** Over UAPI: header_protection_key. */
  readonly uapi: string;
  readonly isSwitch: boolean;
}

/** Every parameter, in the order of the tools. */
export const OBFUSCATION_WORDS: readonly ObfuscationWord[] = OBFUSCATION_KEYS.map(({ name, key, value }) => {
  const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(" ");
  return { conf: name, option: words.join("-"), uapi: words.join("_"), isSwitch: value === "switch" };
});

/** The line of a `set`. A text with a line end is refused. @throws AwgError("usage") */
export function obfuscationLine(word: ObfuscationWord, value: string): string {
  if (word.uapi === SECRET_OBFUSCATION_KEY) return `${word.uapi}=${bytesToHex(keyOfText(value, word.conf))}`;
  if (/[\r\n\0]/.test(value)) throw wrong(`${word.conf} contains a line end`, "use one line");
  if (!word.isSwitch) return `${word.uapi}=${value}`;
  const isOn = ["on", "true", "1"].includes(value.toLowerCase());
  if (!isOn && !["off", "false", "0"].includes(value.toLowerCase())) {
    throw wrong(`${word.conf} "${value}" is neither on nor off`, "use on or off");
  }
  return `${word.uapi}=${isOn ? 1 : 0}`;
}
