import { canonicalJson, sameData } from "../../model/canonical.ts";
import type { FieldChange } from "../../model/resource.ts";
import { pointerToken, setChange, valueChange } from "../field-change.ts";

/**
 * Field by field what differs between two plain data, as JSON pointers. Lists are told by what came and went, since the
 * position of a rule says nothing; a list in another order is one change.
 */
export function diffData(at: string, before: unknown, after: unknown): FieldChange[] {
  if (sameData(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(at, before, after);
  if (isRecord(before) && isRecord(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
    return names.flatMap((name) => diffData(`${at}/${pointerToken(name)}`, before[name], after[name]));
  }
  return valueChange(at, before, after);
}

function diffLists(at: string, before: readonly unknown[], after: readonly unknown[]): FieldChange[] {
  if (before.length === 1 && after.length === 1 && isRecord(before[0]) && isRecord(after[0])) {
    return diffData(`${at}/0`, before[0], after[0]);
  }
  const members = setChange(at, before.map(memberText), after.map(memberText));
  if (members.length > 0) return members;
  return [{ field: at, before: "the same in another order", after: "reordered" }];
}

function memberText(member: unknown): string {
  return typeof member === "string" ? member : canonicalJson(member);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
