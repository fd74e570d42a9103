import type { FieldChange } from "../../../model/resource.ts";
import type { PeerSpec } from "../../../model/resources/tunnel.ts";
import { fieldName, policyField } from "../../../model/text/field-name.ts";
import type { Style } from "../style.ts";
import { MOST_MEMBERS } from "./policy-lines.ts";
import { longRuleOf, placeText, policyValue } from "./policy-values.ts";
import { peerFacts, shortKey } from "./spec-lines.ts";

/**
 * What a change is read as: `plan`, from the value found to the value that awg will write; `found`, from the accepted
 * value to the one on the host. Both say the same of the same drift.
 */
export type Reading = "plan" | "found";

const MAX_VALUE_LENGTH = 120;
/** Longer members of the policy get lines of their own. */
const MOST_BESIDE_NAME = 60;

/**
 * One changed field as people read it: its line, and below it, indented, members that have no room there and what the
 * change interrupts.
 *
 * @param most of more destinations of a rule the first are shown, and their number
 */
export function changeLines(
  change: FieldChange,
  style: Style,
  reading: Reading = "plan",
  most = MOST_MEMBERS,
): readonly string[] {
  const members = longMembers(change, style, most);
  const shown = members.length === 0 ? change : { ...change, before: [], after: [] };
  const interruption = change.interruption === undefined ? [] : [style.dim(`# ${change.interruption}`)];
  return [renderChange(shown, style, reading), ...[...members, ...interruption].map((line) => `  ${line}`)];
}

/** One field: "mtu: 1420 → 1380", "destinations: 10.0.0.0/8 is missing; will be put back", "privateKey: (secret, changed)". */
export function renderChange(change: FieldChange, style: Style, reading: Reading = "plan"): string {
  const { field, before, after } = change;
  const inPolicy = policyField(field);
  const name = `${SHOWN_NAMES[field] ?? fieldName(field)}:`;
  if (change.secret === true) return `${name} ${style.dim("(secret, changed)")}`;
  if (field === "/paths") return replacedText(change, reading);
  if (WHOLE_PEER.test(field)) return peerChange(before, after);
  const render: ValueText = inPolicy === undefined ? (VALUE_TEXTS[field] ?? plainValue) : policyValue;
  const isDrift = reading === "found" || change.drift === true;
  const members = isDrift ? driftedMembers(change, render, reading) : changedMembers(change, render);
  if (members.length > 0) return `${name} ${members.join(", ")}`;
  if (before === undefined && after === undefined) return name;
  return `${name} ${pairOf(before, after, render).join(" → ")}`;
}

/** Fields with names that say little to people. */
const SHOWN_NAMES: Readonly<Record<string, string>> = {
  "/rules": "policy rules",
  "/running": "engine",
  "/mtuBytes": "mtu",
};

/** Words for values of single fields. */
const VALUE_TEXTS: Readonly<Record<string, ValueText>> = {
  "/held": (value) => (typeof value === "boolean" ? (value ? "by a keeper" : "by no keeper") : undefined),
  "/running": (value) => (typeof value === "boolean" ? (value ? "running" : "not running") : undefined),
  "/fwmark": (value) => (typeof value === "number" ? `0x${value.toString(16)}` : undefined),
  "/guards": (family) => (typeof family === "string" ? `unreachable default (IPv${family})` : undefined),
};

/** Words for a value; undefined where it needs none. */
type ValueText = (value: unknown) => string | undefined;

const plainValue: ValueText = () => undefined;

/** A program, folder or control group that the classifier knew, and that is another by now. */
function replacedText({ before, after }: FieldChange, reading: Reading): string {
  return reading === "plan" ? `${after} was replaced; will be loaded again` : `${before} was replaced`;
}

/** A peer that only one of two generations has, by its key. */
const WHOLE_PEER = /^\/peers\/[^/]+$/;

function peerChange(before: unknown, after: unknown): string {
  const peer = (after ?? before) as PeerSpec;
  const name = `peer ${shortKey(peer.publicKey)}`;
  return after === undefined ? `${name} removed` : `${name} added: ${peerFacts(peer, MOST_MEMBERS)}`;
}

/** Members of a set as a config change has them: "2 added (10.0.0.0/8, …)". */
function changedMembers({ field, added, removed, before, after }: FieldChange, render: ValueText): readonly string[] {
  const side = (count: number | undefined, members: unknown, word: string): string[] =>
    count === undefined || count === 0 ? [] : [`${count} ${word}${inBrackets(field, members, render)}`];
  return [...side(added, after, "added"), ...side(removed, before, "removed")];
}

/** The same where another program changed the set: what is missing on the host, and what was added there. */
function driftedMembers(change: FieldChange, render: ValueText, reading: Reading): readonly string[] {
  const { field, added = 0, removed = 0, before, after } = change;
  const isPlan = reading === "plan";
  const [missing, extra] = isPlan ? [added, removed] : [removed, added];
  const [lacking, unwanted] = isPlan ? [after, before] : [before, after];
  const remedy = (words: string): string => (isPlan ? `; will be ${words}` : "");
  return [
    ...(missing === 0
      ? []
      : [
          `${membersText(field, missing, lacking, render)} ${missing === 1 ? "is" : "are"} missing${remedy("put back")}`,
        ]),
    ...(extra === 0
      ? []
      : [
          `${membersText(field, extra, unwanted, render)} ${extra === 1 ? "was" : "were"} added outside awg${remedy("removed")}`,
        ]),
  ];
}

/** The only member itself, or how many there are and the first of them. */
function membersText(field: string, count: number, members: unknown, render: ValueText): string {
  if (field === "/rules") return String(count);
  if (count === 1 && Array.isArray(members) && members.length === 1) return short(members[0], render);
  return `${count}${inBrackets(field, members, render)}`;
}

function inBrackets(field: string, members: unknown, render: ValueText): string {
  return field === "/rules" || !Array.isArray(members) || members.length === 0 ? "" : ` (${short(members, render)})`;
}

/**
 * Members, whole, where the field's own line has no room for them: rules and exceptions of the policy, and policy rules
 * that are few enough to be all known.
 */
function longMembers(
  { field, added = 0, removed = 0, before, after }: FieldChange,
  style: Style,
  most: number,
): readonly string[] {
  const isPolicyRules = field === "/rules";
  if (policyField(field) === undefined && !isPolicyRules) return [];
  const textsOf = (count: number, members: unknown): readonly string[] =>
    count > 0 && Array.isArray(members)
      ? members.map((one) => policyValue(one, most) ?? wholeText(one, policyValue))
      : [];
  const [gone, come] = [textsOf(removed, before), textsOf(added, after)];
  const fits = [...gone, ...come].join(", ").length <= MOST_BESIDE_NAME;
  if (isPolicyRules ? gone.length < removed || come.length < added : fits) return [];
  const lists = changedLists(before, after, style, most);
  return [...come.map((text) => `+ ${text}`), ...gone.map((text) => `- ${text}`), ...lists];
}

/** What changes in long destinations of rules that keep their place: their own lines may read alike. */
function changedLists(before: unknown, after: unknown, style: Style, most: number): string[] {
  const rulesOf = (members: unknown) =>
    Array.isArray(members) ? members.flatMap((one) => longRuleOf(one, most) ?? []) : [];
  const gone = rulesOf(before);
  return rulesOf(after).flatMap(({ origin, match }) => {
    const old = gone.find((one) => one.origin === origin);
    if (old === undefined) return [];
    const change = membersChange("/destinations", old.match.destinations, match.destinations);
    return change.added + change.removed === 0 ? [] : [`~ ${placeText(origin)}: ${renderChange(change, style)}`];
  });
}

function membersChange(field: string, before: readonly string[], after: readonly string[]) {
  const [had, wanted] = [new Set(before), new Set(after)];
  const removed = before.filter((one) => !wanted.has(one));
  const added = after.filter((one) => !had.has(one));
  return { field, before: removed, after: added, removed: removed.length, added: added.length };
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
