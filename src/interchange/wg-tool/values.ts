import { AwgError } from "../../model/error.ts";
import { parsePrefix, renderPrefix } from "../../model/prefix.ts";
import { keyFromBase64 } from "../../uapi/key-text.ts";

const MAX_MARK = 0xffff_ffff;
const MAX_PORT = 65_535;
const NO_KEY = new Uint8Array(32);

/** An error in the tool's manner: one sentence. It never repeats a value, which may be a secret. */
export function wrong(what: string, remedy: string): AwgError {
  return new AwgError("usage", what, { remedy });
}

/** @throws AwgError("usage") unless it is 0–65535. */
export function portLine(value: string): string {
  return `listen_port=${numberOf("ListenPort", value, MAX_PORT)}`;
}

/** `off`, decimal or 0x hex. @throws AwgError("usage") */
export function markLine(value: string): string {
  if (value.toLowerCase() === "off") return "fwmark=0";
  if (!/^(?:0x[0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(value) || Number(value) > MAX_MARK) {
    throw wrong(`fwmark "${value}" is not a mark`, "use off, a number up to 0xffffffff, or 0x and hex digits");
  }
  return `fwmark=${Number(value)}`;
}

/** `off`, seconds, or a range of seconds. @throws AwgError("usage") */
export function keepaliveOf(value: string): string {
  if (value.toLowerCase() === "off") return "0";
  const parts = value.split("-");
  if (parts.length > 2 || !parts.every((part) => /^[0-9]{1,5}$/.test(part) && Number(part) <= MAX_PORT)) {
    throw wrong(`persistent keepalive "${value}" is not valid`, "use off, or 1 to 65535 seconds");
  }
  return value;
}

/**
 * Prefixes separated by commas, each replacing the list. A leading `+` adds and a leading `-` removes one; both keep
 * the others (wireguard-tools since 1.0.20250521). @throws AwgError("usage")
 */
export function prefixesOf(value: string): { readonly prefixes: readonly string[]; readonly replaces: boolean } {
  const words = value
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return { prefixes: words.map(prefixOf), replaces: !words.some(isSigned) };
}

function prefixOf(word: string): string {
  const prefix = parsePrefix(isSigned(word) ? word.slice(1) : word);
  if (prefix === undefined) throw wrong(`allowed ip "${word}" is not a prefix`, "for example 10.0.0.0/8 or fd00::/8");
  return `${word.startsWith("-") ? "-" : ""}${renderPrefix(prefix)}`;
}

function isSigned(word: string): boolean {
  return /^[+-]/.test(word);
}

/** A public key. @throws AwgError("usage") */
export function publicKeyOf(value: string): Uint8Array {
  const bytes = keyFromBase64(value);
  if (bytes === undefined) throw wrong(`"${value}" is not a public key`, "expected 32 bytes in base64: 44 characters");
  return bytes;
}

/** The key in a file's text; empty for an empty file, which removes the key. @throws AwgError("usage") */
export function keyOfText(text: string, what: string): Uint8Array {
  const trimmed = text.trim();
  if (trimmed === "") return NO_KEY;
  const bytes = keyFromBase64(trimmed);
  if (bytes === undefined) throw wrong(`${what} contains no key`, "expected 32 bytes in base64: 44 characters");
  return bytes;
}

/** A whole number from 0 to `max`, as wg(8) reads it. */
export function numberOf(name: string, value: string, max: number): number {
  if (!/^[0-9]{1,10}$/.test(value) || Number(value) > max) {
    throw wrong(`${name} "${value}" is not valid`, `use a number from 0 to ${max}`);
  }
  return Number(value);
}
