import { DISREGARDED } from "../../../model/firewall/canary.ts";
import type { FieldChange } from "../../../model/resource.ts";
import type { DesiredState } from "../../../model/resources/desired-state.ts";
import type { Drift } from "../../../reconciler/plan/drift.ts";
import { type Unrecorded, unrecordedText } from "../compare-host.ts";
import { directDownText, directFallbackText } from "../direct-traffic.ts";
import type { CONDITION_REASONS, Condition, ResourceStatus } from "../status-report.ts";
import { type ConditionInput, changeConditions } from "./change-conditions.ts";

/** The summary of a resource that is missing entirely. */
export const GONE = "is gone";

/** The same for the packet filter. */
export const POLICY_GONE = `${GONE}: nothing is blocked`;

/** How many missing prefixes the Ready condition names. */
const MOST_NAMED = 3;

/** The conditions of the host that it shows by itself, each with its reason. Pure. */
export function conditionsOf(resources: readonly ResourceStatus[], input: ConditionInput): readonly Condition[] {
  const { generation, desired, drifts, unrecorded, openJournal, openChange, fallback = [] } = input;
  const isDrifted = drifts.length > 0;
  // A value equal to the apply's read-back counts as unchanged since then.
  const accepted = generation === undefined ? {} : { since: new Date(generation.acceptedMs).toISOString() };
  const isOnTrial = openChange?.why === "awaiting-confirmation";
  const enforced = unrecorded === undefined ? protection(resources, desired, isOnTrial) : protectionOf(unrecorded);
  const direct = directFallbackText(fallback) ?? directDownText(desired);
  const protects = enforced.status && direct !== undefined ? protectedBy(false, "FallbackDirect", direct) : enforced;
  const isOpen = openJournal !== undefined && openChange?.why !== "unwritten";
  return [
    readiness(resources, input),
    protects.status && protects.reason !== "Orphaned" ? { ...protects, ...accepted } : protects,
    {
      type: "Drifted",
      status: isDrifted,
      reason: isDrifted ? (isOpen ? "ChangeOpen" : "ChangedOutside") : "AsApplied",
      message: isDrifted ? driftText(drifts, isOpen) : "as applied",
      keys: drifts.map(({ key }) => key),
      ...(isDrifted ? {} : accepted),
    },
    ...changeConditions(input, resources, accepted),
  ];
}

function readiness(
  resources: readonly ResourceStatus[],
  { generation, unrecorded, noNetwork, openChange }: ConditionInput,
): Condition {
  const ready = (reason: Condition["reason"], message: string, status = false): Condition => {
    return { type: "Ready", status, reason, message };
  };
  if (generation === undefined || resources.length === 0) {
    return ready(unrecorded === undefined ? "NothingApplied" : "Unrecorded", nothingApplied(unrecorded));
  }
  if (noNetwork !== undefined) return ready("NoNetwork", noNetwork.what);
  const missing = resources.filter((one) => !one.ready && (one.drift.length > 0 || isGoneText(one.summary)));
  const waiting = resources.filter((one) => !one.ready && !missing.includes(one));
  if (missing.length + waiting.length === 0) return ready("InPlace", "every resource is in place", true);
  const message = lackTexts(missing, waiting, openChange?.why === "awaiting-confirmation").join("; ");
  const reason = missing.length > 0 ? "NotAsApplied" : "Waiting";
  return { ...ready(reason, message), keys: [...missing, ...waiting].map(({ key }) => key) };
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

/** Which resources keep the host from being ready, those with a remedy first. */
function lackTexts(
  missing: readonly ResourceStatus[],
  waiting: readonly ResourceStatus[],
  isOnTrial: boolean,
): readonly string[] {
  const them = missing.length === 1 ? "it" : "them";
  const remedy = isOnTrial ? "awg revert restores the state before" : `awg apply puts ${them} back`;
  return [
    ...(missing.length === 0 ? [] : [`${missing.map(lackText).join(", ")}; ${remedy}`]),
    ...(waiting.length === 0 ? [] : [`waiting for ${waiting.map(({ key }) => key).join(", ")}`]),
  ];
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

type ProtectionReason = (typeof CONDITION_REASONS)["Protected"][number];

function protectedBy(status: boolean, reason: ProtectionReason, message: string): Condition {
  return { type: "Protected", status, reason, message, keys: ["firewall/machine"] };
}

/** What the kernel enforces without an accepted state. */
function protectionOf({ killSwitch }: Unrecorded): Condition {
  // Its start is unknown.
  return killSwitch
    ? protectedBy(true, "Orphaned", "the kill switch is on")
    : protectedBy(false, "KillSwitchOff", "no kill switch is loaded");
}

/** A policy without its keeper is still enforced by the kernel, but any program's flush removes it. */
function protection(resources: readonly ResourceStatus[], desired: DesiredState, isOnTrial: boolean): Condition {
  const policy = desired.resources.find(({ kind }) => kind === "firewall");
  const standing = resources.find(({ key }) => key === policy?.key);
  if (policy?.kind !== "firewall" || !policy.spec.layers.some(({ killSwitch }) => killSwitch)) {
    return protectedBy(false, "KillSwitchOff", "the kill switch is off");
  }
  if (desired.override?.what === "pause") {
    return protectedBy(false, "Paused", "paused: traffic of the tunnels goes direct");
  }
  const damage = standing?.drift.filter(({ field }) => field !== "/held") ?? [];
  if (standing?.ready !== true || damage.length > 0) {
    const [first] = standing?.drift.flatMap(damageTexts) ?? [];
    if (standing?.summary === POLICY_GONE) return protectedBy(false, "FilterGone", `the packet filter ${POLICY_GONE}`);
    return protectedBy(false, "FilterDamaged", first === DISREGARDED ? first : "the packet filter is not as applied");
  }
  if (standing.drift.length === 0) return protectedBy(true, "KillSwitchOn", "the kill switch is on");
  // An apply is refused until the change is confirmed or reverted.
  const when = isOnTrial ? " once it is confirmed or reverted" : "";
  const orphaned = `the kill switch is loaded without its keeper; orphaned: flushable, apply again${when}`;
  return protectedBy(true, "Orphaned", orphaned);
}
