import { quote } from "../config/field/leaf.ts";

/** A remark on a place in the imported text. An error stops the import; a note names what was not imported. */
export interface ImportFinding {
  readonly severity: "error" | "note";
  /** `wg0.conf:7`, or the key of a JSON document. */
  readonly place: string;
  /** The fact; never contains a secret. */
  readonly message: string;
  /** What to do; may be empty. */
  readonly remedy: string;
}

/** `place: message; remedy`, one line. */
export function renderImportFinding({ place, message, remedy, severity }: ImportFinding): string {
  const said = remedy === "" ? message : `${message}; ${remedy}`;
  return `${place}: ${severity === "error" ? "" : "note: "}${said}`;
}

/** A finding that fails the import. */
export function importError(place: string, message: string, remedy: string): ImportFinding {
  return { severity: "error", place, message, remedy };
}

/** A finding that a person should know; the import goes on. */
export function importNote(place: string, message: string, remedy = ""): ImportFinding {
  return { severity: "note", place, message, remedy };
}

/** A foreign word for a message. A word longer than any key could be a secret, so it is not shown. */
export function showWord(word: string): string | undefined {
  return /^[A-Za-z][A-Za-z0-9_ -]{0,30}$/.test(word) ? quote(word) : undefined;
}
