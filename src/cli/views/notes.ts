import type { Planned } from "../../app/plan/planned.ts";
import type { Terminal } from "../terminal.ts";
import { styleFor } from "./style.ts";

/** Prints what a person should know of a plan to stderr; what is kept as it was asked for needs no word. */
export function printNotes(notes: Planned["notes"], terminal: Terminal): void {
  const style = styleFor(terminal.colorErr);
  const worthSaying = notes.filter(({ enforcement }) => enforcement !== "enforced");
  for (const { path, message } of worthSaying) terminal.err(`${style.yellow("note:")} ${path}: ${message}`);
}
