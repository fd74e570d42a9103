import type { Selection } from "../app/plan/planned.ts";
import { listOption, type VerbCall } from "./verb.ts";

/** The selection by the options; undefined if they select nothing. */
export function selectionOf(call: VerbCall): Selection | undefined {
  const [target, exclude, replace] = ["target", "exclude", "replace"].map((name) => listOption(call, name));
  if ([target, exclude, replace].every((words) => words === undefined || words.length === 0)) return undefined;
  return { target: target ?? [], exclude: exclude ?? [], replace: replace ?? [] };
}
