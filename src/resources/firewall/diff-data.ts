import { canonicalJson, sameData } from "../../model/canonical.ts";
import type { FieldChange } from "../../model/resource.ts";
import { pointerToken, setChange, valueChange } from "../field-change.ts";

/**
 * The fields that differ between two plain data, as JSON pointers. Lists are compared by their members; a new order of
 * those that stay is one more change.
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
  const [only, other] = [before[0], after[0]];
  if (
    before.length === 1 &&
    after.length === 1 &&
    isRecord(only) &&
    isRecord(other) &&
    placeOf(only) === placeOf(other)
  ) {
    return diffData(`${at}/${pointerToken(placeOf(other))}`, only, other);
  }
  const removed = withoutEach(before, after);
  const added = withoutEach(after, before);
  const members = setChange(at, removed.map(shownText), added.map(shownText));
  const kept = (list: readonly unknown[], gone: readonly unknown[]): string =>
    canonicalJson(list.filter((one) => !gone.includes(one)).map(memberText));
  const isReordered = kept(before, removed) !== kept(after, added);
  if (members.length === 0) {
    return isReordered
      ? [{ field: at, before: "the same in another order", after: "reordered" }]
      : [{ field: at, before: "the same in the same order", after: "renumbered" }];
  }
  if (!isReordered || ![...before, ...after].every(hasOrigin)) return members;
  return [...members, { field: at, before: "the rest in another order", after: "reordered" }];
}

/** The members of a list that another lacks, as often as it lacks them; of equal ones the later. */
function withoutEach(list: readonly unknown[], other: readonly unknown[]): unknown[] {
  const left = other.map(memberText);
  return list.filter((one) => {
    const index = left.indexOf(memberText(one));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

function hasOrigin(member: unknown): boolean {
  return isRecord(member) && typeof member["origin"] === "string";
}

/**
 * The place of a list's only member: the number of the config's rule, what a rule was derived from, or a tunnel's
 * device.
 */
function placeOf({ origin, device }: Readonly<Record<string, unknown>>): string {
  if (typeof origin === "string") return /^rules\/([0-9]+)/.exec(origin)?.[1] ?? origin;
  return typeof device === "string" ? device : "0";
}

/** The added or removed member with its place in the config; the order of rules matters. */
function shownText(member: unknown): string {
  return typeof member === "string" ? member : canonicalJson(member);
}

/** Ports and paths of different kinds are compared as a whole; two paths of one kind differ in their table number. */
function isWhole(before: unknown, after: unknown): boolean {
  if ([before, after].every((one) => Array.isArray(one) && one.length > 0 && one.every(isRange))) return true;
  if (!isRecord(before) || !isRecord(after) || !("kind" in before) || !("kind" in after)) return false;
  return (
    ["kind", "device", "fallback", "keepsFlows"].some((name) => before[name] !== after[name]) ||
    !sameData(before["substitutes"] ?? null, after["substitutes"] ?? null)
  );
}

function isRange(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).toSorted().join() === "from,to";
}

/** A rule is the same at any position, so the position is not part of its origin. */
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
