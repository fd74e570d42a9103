import type { Rule } from "../../../config/config.ts";
import { nestedMatches } from "../../../config/section/nested-matches.ts";
import type { ExpandContext } from "../expansion.ts";

/** Warns where a rule names a script as a program: the kernel runs its interpreter, which is the program. */
export function noteScripts(rule: Rule, index: number, { facts, notes }: ExpandContext): void {
  const named = nestedMatches(rule).flatMap(({ apps = [], parent = [] }) => [...apps, ...parent]);
  for (const app of named) {
    if (app.kind !== "path" || facts.scripts?.includes(app.path) !== true) continue;
    const message = `${app.path} is a script, which no program file matches; name it by commandLine`;
    notes.push({ path: `rules.${index}.apps`, message, isWarning: true });
  }
}
