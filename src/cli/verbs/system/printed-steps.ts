import type { Installed } from "../../../app/install/install.ts";
import type { StepOutcome } from "../../../app/install/installation-step.ts";
import { flagOption, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";

const WORDS: Readonly<Record<StepOutcome, string>> = {
  kept: "exists already",
  done: "",
  "would-be-done": "would be",
  absent: "is not there",
  left: "stays: awg is not its only user",
};

/** Prints what was done, a line a step; warnings go to standard error. */
export function printInstalled(call: VerbCall, { steps, warnings }: Installed, done: "added" | "removed"): void {
  for (const warning of warnings) call.terminal.err(`note: ${warning}`);
  if (flagOption(call, "json")) {
    printDocument(call.terminal, "install", { formatVersion: "1", steps, warnings });
    return;
  }
  for (const { what, outcome } of steps) {
    const changes = outcome === "done" || outcome === "would-be-done";
    printText(call.terminal, `${what}: ${[WORDS[outcome], changes ? done : ""].filter(Boolean).join(" ")}`);
  }
}
