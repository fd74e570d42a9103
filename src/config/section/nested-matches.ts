import type { Match } from "./match.ts";

/** A match and those inside it. */
export function nestedMatches(match: Match): readonly Match[] {
  const inner = [...(match.all ?? []), ...(match.any ?? []), ...(match.not === undefined ? [] : [match.not])];
  return [match, ...inner.flatMap(nestedMatches)];
}
