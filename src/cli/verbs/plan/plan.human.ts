import type { Action, Plan, Step } from "../../../model/plan.ts";
import { stepsOf } from "../../../model/plan.ts";
import type { FieldChange } from "../../../model/resource.ts";
import { fieldName, policyField } from "../../../model/text/field-name.ts";
import type { Style } from "../../views/style.ts";
import { policyValue, visibleChanges } from "./policy-changes.ts";

const SYMBOL: Readonly<Record<Action, string>> = {
  create: "+",
  update: "~",
  delete: "-",
  replace: "-/+",
  adopt: "@",
  forget: ".",
};

const MAX_VALUE_LENGTH = 120;

/** What happens to traffic, in one sentence; derived from the steps. */
export type TrafficSentence = string;

/** The plan as people read it: one line a step with its reason, the fields below, and the two closing lines. */
export function renderPlan(plan: Plan, traffic: TrafficSentence, style: Style): string {
  const steps = stepsOf(plan);
  if (steps.length === 0) return "No changes. The host is as the config says.";
  return [...steps.flatMap((step) => renderStep(step, style)), "", summaryLine(plan), `Traffic: ${traffic}`].join("\n");
}

/** "Plan: 3 to add, 1 to change, 0 to destroy." The layered policy of a flip and the final one count once. */
export function summaryLine(plan: Plan): string {
  const byKey = new Map<string, Action>();
  for (const { key, action } of stepsOf(plan)) byKey.set(key, joinActions(byKey.get(key), action));
  const count = (...actions: readonly Action[]): number =>
    [...byKey.values()].filter((one) => actions.includes(one)).length;
  const adopted = count("adopt", "forget");
  const tail = adopted > 0 ? `, ${adopted} to adopt or forget` : "";
  return `Plan: ${count("create")} to add, ${count("update", "replace")} to change, ${count("delete")} to destroy${tail}.`;
}

function joinActions(first: Action | undefined, second: Action): Action {
  if (first === undefined || first === second) return second;
  if (first === "create" || second === "delete")
    return first === "create" && second === "delete" ? "update" : first === "create" ? "create" : "delete";
  return "update";
}

/** One step and its fields. */
export function renderStep(step: Pick<Step, "key" | "action" | "changes" | "reason">, style: Style): readonly string[] {
  const paint = paintOf(step.action, style);
  const symbol = SYMBOL[step.action].padStart(3);
  const head = `${paint(symbol)} ${style.bold(step.key)}${style.dim(`  # ${step.reason}`)}`;
  if (step.action === "create" || step.action === "delete") return [head];
  return [head, ...visibleChanges(step.changes).flatMap((change) => changeLines(change, style))];
}

/** The field, and below it what came or went of the packet policy where a line has no room for it, and what its change interrupts. */
function changeLines(change: FieldChange, style: Style): readonly string[] {
  const members = longMembers(change);
  const shown = members.length === 0 ? change : { ...change, before: [], after: [] };
  const line = `    ${driftMark(change, style)} ${renderChange(shown, style)}`;
  const interruption = change.interruption === undefined ? [] : [style.dim(`        # ${change.interruption}`)];
  return [line, ...members.map((member) => `        ${member}`), ...interruption];
}

/** Rules and exceptions, whole; none where the field's own line has room for them. */
function longMembers({ field, added = 0, removed = 0, before, after }: FieldChange): readonly string[] {
  if (policyField(field) === undefined) return [];
  const textsOf = (count: number, members: unknown): readonly string[] =>
    count > 0 && Array.isArray(members) ? members.map((one) => policyValue(one) ?? wholeText(one, policyValue)) : [];
  const [gone, come] = [textsOf(removed, before), textsOf(added, after)];
  const fits = [gone, come].every((texts) => texts.join(", ").length <= MAX_VALUE_LENGTH);
  return fits ? [] : [...come.map((text) => `+ ${text}`), ...gone.map((text) => `- ${text}`)];
}

/** A field that changed on the host since the accepted state. */
function driftMark({ drift }: FieldChange, style: Style): string {
  return drift === true ? style.yellow("≠") : " ";
}

function paintOf(action: Action, style: Style): (text: string) => string {
  if (action === "create" || action === "adopt") return style.green;
  return action === "delete" ? style.red : style.yellow;
}

/** One field: "mtuBytes: 1420 → 1380", "destinations: 3 added (10.0.0.0/8, …), 1 removed", "privateKey: (secret, changed)". */
export function renderChange(change: FieldChange, style: Style): string {
  const inPolicy = policyField(change.field);
  const name = `${fieldName(change.field)}:`;
  if (change.field === "/held" && change.after === true) return "held: by no keeper → by a keeper";
  if (change.field === "/held" && change.after === false) return "held: by a keeper → by no keeper";
  if (change.secret === true) return `${name} ${style.dim("(secret, changed)")}`;
  const render: ValueText = inPolicy === undefined ? () => undefined : policyValue;
  const counted = [
    countOf(change.added, "added", change.after, render),
    countOf(change.removed, "removed", change.before, render),
  ];
  if (counted.some((text) => text !== "")) return `${name} ${counted.filter((text) => text !== "").join(", ")}`;
  if (change.before === undefined && change.after === undefined) return name;
  return `${name} ${pairOf(change.before, change.after, render).join(" → ")}`;
}

/** Words for a value; undefined where it needs none. */
type ValueText = (value: unknown) => string | undefined;

/** "3 added (10.0.0.0/8, …)": how many members of a set, and the first of them. */
function countOf(count: number | undefined, word: string, members: unknown, render: ValueText): string {
  if (count === undefined || count === 0) return "";
  return Array.isArray(members) && members.length > 0
    ? `${count} ${word} (${short(members, render)})`
    : `${count} ${word}`;
}

/** Two values that differ; where they begin alike for longer than a line, from the word in which they do. */
function pairOf(before: unknown, after: unknown, render: ValueText): readonly [string, string] {
  const pair = [short(before, render), short(after, render)] as const;
  if (pair[0] !== pair[1] || !pair[0].endsWith("…")) return pair;
  const [one, other] = [wholeText(before, render), wholeText(after, render)];
  let same = 0;
  while (same < one.length && one[same] === other[same]) same += 1;
  const from = one.lastIndexOf(" ", same - 1) + 1;
  return [cut(`…${one.slice(from)}`), cut(`…${other.slice(from)}`)];
}

function short(value: unknown, render: ValueText): string {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return "(none)";
  const text = render(value) ?? textOf(value, render);
  return text === "" ? '""' : cut(text);
}

function cut(text: string): string {
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
}

function textOf(value: unknown, render: ValueText): string {
  return Array.isArray(value) ? listText(value.map((one) => short(one, render))) : wholeText(value, render);
}

/** However long. */
function wholeText(value: unknown, render: ValueText): string {
  if (Array.isArray(value)) return value.map((one) => render(one) ?? wholeText(one, render)).join(", ");
  return render(value) ?? (typeof value === "string" ? value : JSON.stringify(value));
}

/** As many members as a line has room for; one at the least. */
function listText([first = "", ...more]: readonly string[]): string {
  let text = first;
  for (const one of more) {
    if (text.length + one.length + ", , …".length > MAX_VALUE_LENGTH) return `${text}, …`;
    text += `, ${one}`;
  }
  return text;
}
