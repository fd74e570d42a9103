import type { Planned } from "../../app/plan/planned.ts";
import type { Terminal } from "../terminal.ts";
import { styleFor } from "./style.ts";

/** Prints a plan's notes for people to stderr. That the kernel enforces a rule needs no note. */
export function printNotes(notes: Planned["notes"], terminal: Terminal): void {
  const style = styleFor(terminal.colorErr);
  const worthSaying = notes.filter(
    ({ path, enforcement, isWarning }) => isWarning || enforcement !== "enforced" || !path.startsWith("rules."),
  );
  for (const { path, message } of worthSaying) terminal.err(`${style.yellow("note:")} ${path}: ${message}`);
}
