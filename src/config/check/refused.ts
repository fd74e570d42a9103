import { refusedKeys } from "../feature/refused-keys.ts";
import type { CheckContext } from "./check-context.ts";

/** Warns of keys that a plan refuses on the system that `LoadOptions.refusedOn` names. */
export function checkRefused(context: CheckContext): void {
  const { refusedOn } = context.options;
  if (refusedOn === undefined) return;
  for (const { path, message } of refusedKeys(context.config, refusedOn)) {
    context.reportKey("refused-by-plan", nodePathOf(path), `${path}: ${message}`, "awg plan refuses it");
  }
}

/** The steps of a path of keys and positions joined with dots. */
export function nodePathOf(path: string): readonly (string | number)[] {
  return path.split(".").map((step) => (/^[0-9]+$/.test(step) ? Number(step) : step));
}
