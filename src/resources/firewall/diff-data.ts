import { canonicalJson, sameData } from "../../model/canonical.ts";
import type { FieldChange } from "../../model/resource.ts";
import { pointerToken, setChange, valueChange } from "../field-change.ts";

/**
 * Field by field what differs between two plain data, as JSON pointers. Lists are told by what came and went, since the
 * position of a rule says nothing; a list in another order is one change.
 */
export function diffData(at: string, before: unknown, after: unknown): FieldChange[] {
  if (sameData(before, after)) return [];
  if (isWhole(before, after)) return valueChange(at, before, after);
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

/** Ports, and the paths of two ways, say something only as a whole; two of one way differ in the number of its table. */
function isWhole(before: unknown, after: unknown): boolean {
  if ([before, after].every((one) => Array.isArray(one) && one.length > 0 && one.every(isRange))) return true;
  if (!isRecord(before) || !isRecord(after) || !("kind" in before) || !("kind" in after)) return false;
  return ["kind", "device", "fallback"].some((name) => before[name] !== after[name]);
}

function isRange(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).toSorted().join() === "from,to";
}

/** A rule is the same wherever it stands, so that its position is left out of where the configuration says so. */
function memberText(member: unknown): string {
  if (typeof member === "string") return member;
  const { origin } = isRecord(member) ? member : {};
  return canonicalJson(
    typeof origin === "string" ? { ...(member as object), origin: origin.replace(/^rules\/[0-9]+/, "rules") } : member,
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
