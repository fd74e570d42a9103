import { DISREGARDED } from "../../model/firewall/canary.ts";
import type { FieldChange } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { Drift } from "../../reconciler/plan/drift.ts";
import { type Unrecorded, unrecordedText } from "./compare-host.ts";
import type { NoNetwork } from "./no-network.ts";
import { type OpenChange, whyOpen } from "./open-change.ts";
import type { Condition, ResourceStatus } from "./status-report.ts";

/** The summary of a resource that is missing entirely. */
export const GONE = "is gone";

/** The same for the packet filter. */
export const POLICY_GONE = `${GONE}: nothing is blocked`;

/** How many missing prefixes the Ready condition names. */
const MOST_NAMED = 3;

/** What the conditions follow from. */
export interface ConditionInput {
  readonly generation: Generation | undefined;
  readonly desired: DesiredState;
  readonly drifts: readonly Drift[];
  readonly unrecorded?: Unrecorded | undefined;
  /** Why no endpoint of a tunnel can be reached. */
  readonly noNetwork?: NoNetwork | undefined;
  readonly openJournal: string | undefined;
  readonly openChange?: OpenChange;
  /** Start of that apply, in milliseconds since the epoch. */
  readonly openSinceMs?: number;
  /** Things a resource needs that another program holds: one sentence each, with the holder. */
  readonly held?: readonly string[];
}

/** The four conditions of the host, each with its reason. Pure. */
export function conditionsOf(
  resources: readonly ResourceStatus[],
  {
    generation,
    desired,
    drifts,
    unrecorded,
    noNetwork,
    openJournal,
    openChange,
    openSinceMs,
    held = [],
  }: ConditionInput,
): readonly Condition[] {
  const isDrifted = drifts.length > 0;
  const applied = generation !== undefined && resources.length > 0;
  const isOnTrial = openChange?.why === "awaiting-confirmation";
  // A value equal to the apply's read-back counts as unchanged since then.
  const accepted = generation === undefined ? {} : { since: new Date(generation.acceptedMs).toISOString() };
  const protects = unrecorded === undefined ? protection(resources, desired, isOnTrial) : protectionOf(unrecorded);
  return [
    {
      type: "Ready",
      status: applied && noNetwork === undefined && resources.every(({ ready }) => ready),
      reason: applied ? (noNetwork?.what ?? readyText(resources, isOnTrial)) : nothingApplied(unrecorded),
    },
    protects.status && !protects.orphaned ? { ...protects.condition, ...accepted } : protects.condition,
    {
      type: "Drifted",
      status: isDrifted,
      reason: isDrifted
        ? driftText(drifts, openJournal !== undefined && openChange?.why !== "unwritten")
        : "as applied",
      ...(isDrifted ? {} : accepted),
    },
    {
      type: "Stalled",
      status: openJournal !== undefined || held.length > 0,
      reason: whatHolds(held, openJournal, openChange),
      ...(openJournal === undefined
        ? held.length > 0 || openChange !== undefined
          ? {}
          : accepted
        : openSinceMs === undefined
          ? {}
          : { since: new Date(openSinceMs).toISOString() }),
    },
  ];
}

function whatHolds(held: readonly string[], journal: string | undefined, open: OpenChange | undefined): string {
  if (open !== undefined && journal !== undefined) return `${whyOpen(open)}: ${journal}`;
  if (held.length > 0) return held.join("; ");
  return open === undefined ? "no apply is open" : whyOpen(open);
}

/** While a change is open, differences may come from it. */
function driftText(drifts: readonly Drift[], isOpen: boolean): string {
  const keysOf = (change: Drift["change"]) => drifts.filter((one) => one.change === change).map(({ key }) => key);
  const [gone, changed, extra] = [keysOf("gone"), keysOf("changed"), keysOf("extra")];
  const how = isOpen ? (changed.length === 1 ? "is not as accepted" : "are not as accepted") : "changed outside awg";
  const texts = [
    gone.length === 0 ? "" : `${gone.join(", ")} ${gone.length === 1 ? "is" : "are"} gone`,
    changed.length === 0 ? "" : `${changed.join(", ")} ${how}`,
    extra.length === 0 ? "" : `no accepted state has ${extra.join(", ")}`,
  ];
  return texts.filter(Boolean).join("; ");
}

/** Why the host is ready, or which resources keep it from that, those with a remedy first. */
function readyText(resources: readonly ResourceStatus[], isOnTrial: boolean): string {
  const missing = resources.filter((one) => !one.ready && (one.drift.length > 0 || isGoneText(one.summary)));
  const waiting = resources.filter((one) => !one.ready && !missing.includes(one));
  if (missing.length + waiting.length === 0) return "every resource is in place";
  const them = missing.length === 1 ? "it" : "them";
  const remedy = isOnTrial ? "awg revert restores the state before" : `awg apply puts ${them} back`;
  return [
    ...(missing.length === 0 ? [] : [`${missing.map(lackText).join(", ")}; ${remedy}`]),
    ...(waiting.length === 0 ? [] : [`waiting for ${waiting.map(({ key }) => key).join(", ")}`]),
  ].join("; ");
}

function isGoneText(summary: string): boolean {
  return summary === GONE || summary === POLICY_GONE;
}

/** "routes/office lacks 0.0.0.0/0" */
function lackText({ key, drift, summary }: ResourceStatus): string {
  if (isGoneText(summary)) return `${key} ${GONE}`;
  const lost = drift.find(({ field, added = 0 }) => field === "/destinations" && added > 0);
  if (!Array.isArray(lost?.after)) return `${key} is not as applied`;
  const named = lost.after.slice(0, MOST_NAMED).map(String).join(", ");
  return `${key} lacks ${named}${(lost.added ?? 0) > MOST_NAMED ? ", …" : ""}`;
}

function nothingApplied(unrecorded: Unrecorded | undefined): string {
  return unrecorded === undefined ? "nothing is applied" : unrecordedText(unrecorded);
}

/** The damage to the packet filter as its host reports it; empty for another field. */
export function damageTexts({ field, before, after }: FieldChange): readonly string[] {
  if (field !== "/damage") return [];
  return [before, after].flatMap((value) => (Array.isArray(value) ? value.map(String) : []));
}

interface Protection {
  readonly status: boolean;
  readonly orphaned: boolean;
  readonly condition: Condition;
}

/** What the kernel enforces without an accepted state. */
function protectionOf({ killSwitch }: Unrecorded): Protection {
  const reason = killSwitch ? "the kill switch is on" : "no kill switch is loaded";
  return { status: killSwitch, orphaned: true, condition: { type: "Protected", status: killSwitch, reason } };
}

/** A policy without its keeper is still enforced by the kernel, but any program's flush removes it. */
function protection(resources: readonly ResourceStatus[], desired: DesiredState, isOnTrial: boolean): Protection {
  const policy = desired.resources.find(({ kind }) => kind === "firewall");
  const standing = resources.find(({ key }) => key === policy?.key);
  const report = (status: boolean, reason: string, orphaned = false): Protection => ({
    status,
    orphaned,
    condition: { type: "Protected", status, reason },
  });
  if (policy?.kind !== "firewall" || !policy.spec.layers.some(({ killSwitch }) => killSwitch)) {
    return report(false, "the kill switch is off");
  }
  if (desired.override?.what === "pause") return report(false, "paused: what the tunnels carry goes direct");
  const damage = standing?.drift.filter(({ field }) => field !== "/held") ?? [];
  if (standing?.ready !== true || damage.length > 0) {
    const [first] = standing?.drift.flatMap(damageTexts) ?? [];
    if (standing?.summary === POLICY_GONE) return report(false, `the packet filter ${POLICY_GONE}`);
    return report(false, first === DISREGARDED ? first : "the packet filter is not as applied");
  }
  // An apply is refused until the change is confirmed or reverted.
  const when = isOnTrial ? "once it is confirmed or reverted" : "";
  return standing.drift.length > 0
    ? report(
        true,
        `the kill switch is loaded without its keeper; orphaned: flushable, apply again ${when}`.trimEnd(),
        true,
      )
    : report(true, "the kill switch is on");
}
