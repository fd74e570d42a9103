import type { PlanNote } from "../../app/plan/planned.ts";
import type { Terminal } from "../terminal.ts";
import { styleFor } from "./style.ts";

/**
 * Prints a plan's notes for people to stderr, with the level of what is not enforced. That the kernel enforces a rule
 * needs no note.
 */
export function printNotes(notes: readonly PlanNote[], terminal: Terminal): void {
  const style = styleFor(terminal.colorErr);
  const paths = new Set(notes.map(({ path }) => path));
  const worthSaying = notes.filter(({ path, enforcement, isWarning }) => {
    if (enforcement !== "enforced" || !path.startsWith("rules.")) return true;
    // Missing users are named by a note of their own.
    return isWarning === true && !paths.has(`${path}.users`);
  });
  for (const { path, message, enforcement = "enforced" } of worthSaying) {
    const level = enforcement === "enforced" ? "" : ` (${enforcement})`;
    terminal.err(`${style.yellow("note:")} ${path}${level}: ${message}`);
  }
}
