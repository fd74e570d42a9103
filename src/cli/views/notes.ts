import type { Planned } from "../../app/plan/planned.ts";
import type { Terminal } from "../terminal.ts";
import { styleFor } from "./style.ts";

/** Prints a plan's notes for people to stderr, except those on resources kept as requested. */
export function printNotes(notes: Planned["notes"], terminal: Terminal): void {
  const style = styleFor(terminal.colorErr);
  const worthSaying = notes.filter(({ enforcement }) => enforcement !== "enforced");
  for (const { path, message } of worthSaying) terminal.err(`${style.yellow("note:")} ${path}: ${message}`);
}
