import { printableLine } from "../../model/text/printable.ts";
import type { ProblemId } from "../problem-catalogue.ts";

/** Why a value cannot be read: the problem's id, what is wrong, what would be right, and where below the value. */
export interface Fault {
  readonly fault: ProblemId;
  readonly message: string;
  readonly remedy: string;
  readonly path?: readonly (string | number)[];
}

/** Tells a fault from a value that was read. */
export function isFault(result: unknown): result is Fault {
  return typeof result === "object" && result !== null && "fault" in result;
}

/** A fault in one line: what is wrong and what would be right. */
export function fault(id: ProblemId, message: string, remedy: string, path?: readonly (string | number)[]): Fault {
  return { fault: id, message, remedy, ...(path === undefined ? {} : { path }) };
}

/** What kind of thing a value is, in the words a person writing YAML would use. */
export function kindOf(input: unknown): string {
  if (input === null) return "nothing";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a map";
  if (typeof input === "string") return "text";
  return typeof input === "boolean" ? "true or false" : "a number";
}

/** The fault of a value of another type than the field takes. */
export function wrongType(input: unknown, wanted: string): Fault {
  return fault("wrong-type", `${kindOf(input)} stands here`, `write ${wanted}`);
}

/** A key of 32 bytes as it is written in base64 or hexadecimal, with whatever stands around it. */
const WHOLE_KEY = /[A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64}/g;

/** A text with each whole key as asterisks, wherever it got to (an anchor, an endpoint, a name), but those that are public. */
export function maskKeys(text: string, publicKeys: ReadonlySet<string> = new Set()): string {
  return text.replace(WHOLE_KEY, (key) => (publicKeys.has(key) ? key : "*".repeat(key.length)));
}

/** A value as it may be shown in a message: quoted, one line, cut where it is long, without keys. */
export function quote(text: string | number | boolean): string {
  const characters = [...printableLine(maskKeys(String(text).slice(0, 240)))];
  return `"${characters.length > 60 ? `${characters.slice(0, 57).join("")}...` : characters.join("")}"`;
}

/** Whether a text reads as keys are named: neither a line of /etc/shadow nor a token does. */
export function isWord(text: string): boolean {
  return /^[A-Za-z][\w.-]{0,30}$/.test(text);
}

/**
 * A key that stands where none is known, as it may be shown. A file that was not meant as a config has its secrets there too,
 * so that only a word is shown, or what is near to one that is known, with what only looks like its letters as escapes.
 */
export function quoteKey(key: string, near?: string): string {
  if (isWord(key)) return quote(key);
  if (near === undefined) return `(${[...key].length} characters, not shown)`;
  return quote(key).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
