import { signal } from "@preact/signals";
import type { StatusDocument } from "./documents.ts";

const KEY = "awg-dismissed";
/** More than a page can come to show in a day. */
const MOST_DISMISSED = 20;

/** What the host waits for a person to look at. */
export interface Attention {
  /** Changes when there is something else to look at. */
  readonly id: string;
  readonly count: number;
  readonly text: string;
}

const dismissed = signal<readonly string[]>(readDismissed());

/** Whether a person has put this away. */
export function isDismissed(id: string): boolean {
  return dismissed.value.includes(id);
}

/** Puts something away until it changes, in this tab. */
export function dismiss(id: string): void {
  dismissed.value = [...dismissed.value, id].slice(-MOST_DISMISSED);
  sessionStorage.setItem(KEY, JSON.stringify(dismissed.value));
}

/** Shows again what was put away. */
export function showAgain(id: string): void {
  dismissed.value = dismissed.value.filter((one) => one !== id);
  sessionStorage.setItem(KEY, JSON.stringify(dismissed.value));
}

/** What others changed, and a config that is not applied; undefined if there is neither. Pure. */
export function attentionOf({ generation, resources, daemon }: StatusDocument): Attention | undefined {
  const drifted = resources.filter(({ drift }) => drift.length > 0).map(({ key }) => key);
  const isPending = daemon?.filesNotApplied === true;
  const count = drifted.length + (isPending ? 1 : 0);
  if (count === 0) return undefined;
  const texts = [
    ...(isPending ? ["The config file differs from what is applied."] : []),
    ...(drifted.length === 0 ? [] : [`Another program changed ${drifted.join(", ")}.`]),
  ];
  return { id: JSON.stringify([generation, isPending, drifted]), count, text: texts.join(" ") };
}

function readDismissed(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(globalThis.sessionStorage?.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
