import type { Rule } from "../../../config/config.ts";
import { nestedMatches } from "../../../config/section/nested-matches.ts";
import type { ExpandContext, Note } from "../expansion.ts";

/** Warns where a rule names a script as a program: the kernel runs its interpreter, which is the program. */
export function scriptNotes(rule: Rule, index: number, { facts }: ExpandContext): Note[] {
  const named = nestedMatches(rule).flatMap(({ apps = [], parent = [] }) => [...apps, ...parent]);
  return named.flatMap((app): Note[] => {
    if (app.kind !== "path" || facts.scripts?.includes(app.path) !== true) return [];
    const message = `${app.path} is a script, which no program file matches; name it by commandLine`;
    return [{ path: `rules.${index}.apps`, message, isWarning: true }];
  });
}
