import { printableLine } from "../../model/text/printable.ts";
import type { ProblemId } from "../problem-catalogue.ts";

/** Why a value is invalid: the problem's id, what is wrong, how to correct it, and the place below the value. */
export interface Fault {
  readonly fault: ProblemId;
  readonly message: string;
  readonly remedy: string;
  readonly path?: readonly (string | number)[];
}

/** Distinguishes a fault from a value. */
export function isFault(result: unknown): result is Fault {
  return typeof result === "object" && result !== null && "fault" in result;
}

/** A fault in one line: what is wrong and how to correct it. */
export function fault(id: ProblemId, message: string, remedy: string, path?: readonly (string | number)[]): Fault {
  return { fault: id, message, remedy, ...(path === undefined ? {} : { path }) };
}

/** The type of a value, in the words of a person who writes YAML. */
export function kindOf(input: unknown): string {
  if (input === null) return "nothing";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a map";
  if (typeof input === "string") return "a string";
  return typeof input === "boolean" ? "a boolean" : "a number";
}

/** What is wrong with a value of the wrong type. */
export function wrongTypeMessage(input: unknown): string {
  return input === null ? "the value is missing" : `the value is ${kindOf(input)}`;
}

/** The fault of a value of the wrong type. */
export function wrongType(input: unknown, wanted: string): Fault {
  return fault("wrong-type", wrongTypeMessage(input), `expected ${wanted}`);
}

/** A key of 32 bytes in base64 or hexadecimal, with the surrounding characters. */
const WHOLE_KEY = /[A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64}/g;

/**
 * A text in which every whole key is masked, wherever it was pasted (an anchor, an endpoint, a name), except public
 * ones.
 */
export function maskKeys(text: string, publicKeys: ReadonlySet<string> = new Set()): string {
  return text.replace(WHOLE_KEY, (key) => (publicKeys.has(key) ? key : "*".repeat(key.length)));
}

/** A value for a message: quoted, one line, shortened, without keys. */
export function quote(text: string | number | boolean): string {
  const characters = [...printableLine(maskKeys(String(text).slice(0, 240)))];
  return `"${characters.length > 60 ? `${characters.slice(0, 57).join("")}...` : characters.join("")}"`;
}

/** Whether a text looks like the name of a key: a line of /etc/shadow or a token does not. */
export function isWord(text: string): boolean {
  return /^[A-Za-z][\w.-]{0,30}$/.test(text);
}

/**
 * An unknown key for a message. A file that is not a config may contain secrets here too. So only a word is shown, or
 * what resembles a known key, with lookalike letters as escapes.
 */
export function quoteKey(key: string, near?: string): string {
  if (isWord(key)) return quote(key);
  if (near === undefined) return `(${[...key].length} characters, not shown)`;
  return quote(key).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
