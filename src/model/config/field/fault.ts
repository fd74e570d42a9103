import { printableLine } from "../../text/printable.ts";
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

/** A value as it may be shown in a message: quoted, one line, cut where it is long. */
export function quote(text: string | number | boolean): string {
  const characters = [...printableLine(String(text).slice(0, 240))];
  return `"${characters.length > 60 ? `${characters.slice(0, 57).join("")}...` : characters.join("")}"`;
}
