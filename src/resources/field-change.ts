import { sameData } from "../model/canonical.ts";
import type { FieldChange } from "../model/resource.ts";

/** How many members of a differing set are shown; the rest is counted. */
const SHOWN_MEMBERS = 3;

/** The change of one field; [] if both values are equal. */
export function valueChange(field: string, before: unknown, after: unknown): FieldChange[] {
  if (sameData(before, after)) return [];
  return [{ field, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

/** The change of a secret field, without its values (law 8). */
export function secretChange(field: string, before: unknown, after: unknown): FieldChange[] {
  return sameData(before, after) ? [] : [{ field, secret: true }];
}

/**
 * The change of a set of texts: how many members were added and removed, and the first few of each. Order and
 * repetition do not count.
 */
export function setChange(field: string, before: readonly string[], after: readonly string[]): FieldChange[] {
  if (isSameList(before, after)) return [];
  const had = new Set(before);
  const wanted = new Set(after);
  const removed = [...had].filter((member) => !wanted.has(member));
  const added = [...wanted].filter((member) => !had.has(member));
  if (removed.length === 0 && added.length === 0) return [];
  return [
    {
      field,
      before: removed.slice(0, SHOWN_MEMBERS),
      after: added.slice(0, SHOWN_MEMBERS),
      added: added.length,
      removed: removed.length,
    },
  ];
}

/** A key as one token of a JSON pointer (RFC 6901 section 3). */
export function pointerToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
