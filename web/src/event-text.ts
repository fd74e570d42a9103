import type { AwgEvent } from "../../src/client/awg-client.ts";

/** An event of the daemon as a line of the page. */
export interface EventLine {
  readonly tone: "good" | "warn" | "bad" | "quiet";
  readonly title: string;
  readonly detail: string;
}

type Fields = Readonly<Record<string, unknown>>;

const TITLES: Readonly<Record<string, (event: Fields) => readonly [EventLine["tone"], string]>> = {
  woken: () => ["quiet", "Checking the host"],
  inSync: () => ["good", "In sync"],
  applying: ({ proposed }) => (proposed === true ? ["quiet", "Applying the config"] : ["warn", "Repairing"]),
  applied: () => ["good", "Done"],
  stalled: () => ["bad", "Stalled"],
  contended: () => ["bad", "Another program interferes"],
  guarded: ({ isOutdated }) =>
    isOutdated === true ? ["quiet", "Packet filter loaded for this network"] : ["warn", "Packet filter put back"],
  protection: ({ holds }) => (holds === true ? ["good", "Protected"] : ["bad", "Not protected"]),
  portal: ({ state }) =>
    state === "passed" || state === "left" ? ["good", "Login page closed"] : ["warn", "This network wants a login"],
  fallback: ({ devices }) =>
    Array.isArray(devices) && devices.length === 0 ? ["good", "Every tunnel is up"] : ["warn", "Fallback in use"],
  probe: ({ passed }) => (passed === true ? ["good", "Probe passes"] : ["bad", "Probe fails"]),
  override: ({ until }) => (until === null ? ["good", "Exception ended"] : ["warn", "Exception for a time"]),
  problem: () => ["bad", "Problem"],
  stopped: () => ["bad", "Daemon stopped"],
};

/** Why traffic is not protected, by the reason of its event. */
const UNPROTECTED: Readonly<Record<string, string>> = {
  KillSwitchOff: "the kill switch is off",
  Paused: "tunnel traffic goes direct",
  FallbackDirect: "traffic of a tunnel that is down goes direct",
  FilterLost: "the packet filter is gone and could not be loaded",
};

/**
 * The events without looks at the host that found nothing: the look, and that the host was as declared. The newest are
 * first, before and after. Pure.
 */
export function notable(events: readonly AwgEvent[]): readonly AwgEvent[] {
  return events.filter((event, at) => {
    if (event.type === "inSync") return event["filesNotApplied"] === true || events[at + 1]?.type !== "woken";
    return event.type !== "woken" || (at > 0 && events[at - 1]?.type !== "inSync");
  });
}

/** Events that came, with those that the daemon still had; each once, the newest first. Pure. */
export function withKept(came: readonly AwgEvent[], kept: readonly AwgEvent[]): readonly AwgEvent[] {
  const known = new Set(came.map((event) => JSON.stringify(event)));
  const all = [...came, ...kept.filter((event) => !known.has(JSON.stringify(event)))];
  return all.toSorted((a, b) => b.at.localeCompare(a.at));
}

/** When an event was: the time, and the day if it was not today. Pure. */
export function timeText(at: string, nowMs: number): string {
  const [then, now] = [new Date(at), new Date(nowMs)];
  const time = then.toLocaleTimeString("en-GB");
  if (then.toDateString() === now.toDateString()) return time;
  return `${then.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time.slice(0, 5)}`;
}

/** Fields that say nothing to a person, or that the title has said. */
const LEFT_OUT = ["type", "at", "proposed", "passed", "devices", "isOutdated"];

/** An event in words. One that this page does not know keeps its own name. Pure. */
export function eventLine(event: AwgEvent): EventLine {
  const [tone, title] = (Object.hasOwn(TITLES, event.type) ? TITLES[event.type]?.(event) : undefined) ?? [
    "quiet",
    spaced(event.type),
  ];
  if (event.type === "protection") return { tone, title, detail: protectionText(event) };
  const parts = Object.entries(event).flatMap(([name, value]) => (LEFT_OUT.includes(name) ? [] : textOf(name, value)));
  return { tone, title, detail: parts.join(" · ").slice(0, 400) };
}

function protectionText({ holds, reason }: Fields): string {
  return holds === true ? "the kill switch is on" : (UNPROTECTED[String(reason)] ?? "");
}

function textOf(name: string, value: unknown): readonly string[] {
  if (value === null || value === undefined || value === false) return [];
  if (value === true) return [spaced(name)];
  if (Array.isArray(value)) return value.length === 0 ? [] : [value.map(itemText).join(", ")];
  if (typeof value === "number") return [name.endsWith("Ms") ? msText(name, value) : `${spaced(name)} ${value}`];
  return [itemText(value)];
}

function msText(name: string, ms: number): string {
  return `${spaced(name.replace(/(In)?Ms$/, ""))} ${name.endsWith("InMs") ? "in " : ""}${Math.round(ms / 100) / 10} s`;
}

function itemText(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.values(value)
    .filter((one) => one !== null)
    .map(String)
    .join(" ");
}

/** "filesNotApplied" becomes "files not applied". */
function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
