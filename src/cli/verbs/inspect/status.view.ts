import type { MainRuleMissing } from "../../../app/status/main-rule.ts";
import { nameOf, openChangeOf } from "../../../app/status/open-change.ts";
import type { Condition, ResourceStatus, Status } from "../../../app/status/status-report.ts";
import { tunnelState } from "../../../app/status/tunnel-state.ts";
import { type AwgError, messageOf } from "../../../model/error.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import type { Style } from "../../views/style.ts";
import { renderChange } from "../plan/plan.human.ts";
import { toldChanges } from "../plan/policy-changes.ts";
import { renderPeers, tunnelDocument } from "./tunnel-status.view.ts";

/** Conditions that are good when true; the others are good when false. */
const GOOD_WHEN_TRUE: ReadonlySet<Condition["type"]> = new Set(["Ready", "Protected"]);

/** The status as people read it. */
export function renderStatus(status: Status, style: Style, nowMs = Date.now()): string {
  const open = openTexts(status, style);
  if (status.resources.length === 0) {
    const isUnderWay =
      (status.openJournal !== undefined && status.openChange?.why !== "unwritten") || status.awaiting !== undefined;
    const first = isUnderWay
      ? "No accepted state holds on this machine."
      : "Nothing is applied on this machine. Traffic is not protected by awg.";
    return [first, ...open].join("\n");
  }
  const width = Math.max(...status.resources.map(({ key }) => key.length));
  return [
    style.bold(headline(status)),
    ...status.conditions.map((condition) => renderCondition(condition, style)),
    ...open,
    "",
    ...status.resources.flatMap((resource) =>
      renderResource(resource, width, style, { nowMs, hasFallback: hasFallback(status) }),
    ),
  ].join("\n");
}

function headline({ generation, awaiting }: Status): string {
  return awaiting === undefined ? `Generation ${generation}` : `Generation ${awaiting.generation}, on trial`;
}

function renderCondition({ type, status, reason, since }: Condition, style: Style): string {
  const good = GOOD_WHEN_TRUE.has(type) === status;
  const value = (good ? style.green : style.red)(status ? "yes" : "no");
  const time = since === undefined ? "" : style.dim(` since ${since}`);
  return `  ${`${type}:`.padEnd(11)} ${value}${status ? "" : " "}  ${reason}${time}`;
}

function renderResource(
  { key, enforcement, ready, drift, summary, tunnel }: ResourceStatus,
  width: number,
  style: Style,
  { nowMs, hasFallback }: { readonly nowMs: number; readonly hasFallback: boolean },
): readonly string[] {
  const mark = ready && drift.length === 0 ? style.green("✓") : drift.length > 0 ? style.yellow("≠") : style.red("✗");
  const state = tunnel === undefined ? "" : `${tunnelState(tunnel, nowMs, hasFallback)}, `;
  const head = `  ${mark} ${key.padEnd(width)}  ${enforcement.padEnd(11)}  ${state}${summary}`;
  const peers = tunnel === undefined ? [] : renderPeers(tunnel, nowMs);
  return [
    head.trimEnd(),
    ...peers.map((peer) => `      ${style.dim(peer)}`),
    ...toldChanges(drift).map((change) => `      ${renderChange(change, style)}`),
  ];
}

function hasFallback({ fallback = [] }: Status): boolean {
  return fallback.length > 0;
}

function openTexts(
  { fallback = [], silentKeeper, mainRuleMissing, ...transaction }: Status,
  style: Style,
): readonly string[] {
  const fallen = fallback.map(({ device, rules }) =>
    style.yellow(`${device} is down: ${rules.join(", ")} go direct until it is up again.`),
  );
  const silent = silentKeeper === undefined ? [] : [style.red(silenceText(silentKeeper))];
  const rule = mainRuleMissing === undefined ? [] : [style.red(mainRuleText(mainRuleMissing))];
  return [...fallen, ...silent, ...rule, ...transactionTexts(transaction, style)];
}

function mainRuleText({ message, remedy }: MainRuleMissing): string {
  return `${capitalized(message)}. Bring it back: ${remedy.join("; ")}`;
}

/** The kernel goes on with what was applied; only changes have to wait. */
function silenceText(silence: AwgError): string {
  return `${capitalized(messageOf(silence))}. Until then what is applied holds, and nothing can be changed.`;
}

function transactionTexts(
  {
    openJournal,
    openChange,
    awaiting,
    generation: accepted,
  }: Omit<Status, "fallback" | "silentKeeper" | "mainRuleMissing">,
  style: Style,
): readonly string[] {
  if (awaiting !== undefined) {
    const { generation, secondsLeft } = awaiting;
    const what = `Generation ${generation} stands but awaits confirmation for ${secondsLeft} s more`;
    return [style.yellow(`${what}: keep it with awg confirm, undo it with awg revert.`)];
  }
  if (openJournal === undefined || openChange === undefined) return [];
  const { verb, why } = openChange;
  if (why === "unwritten") {
    const what = `That generation ${accepted} was accepted could not be written yet (${openJournal})`;
    return [style.yellow(`${what}; mend that, then the next apply or destroy writes it.`)];
  }
  if (why === "under-way") {
    const state = "what stands is neither the old state nor the new";
    const who = capitalized(nameOf(openChange.changedBy));
    return [style.yellow(`${who} is changing this host (${openJournal}): ${state} until it ends.`)];
  }
  if (why === "not-confirmed") {
    const when = "the next apply or destroy puts the old state back first, awg revert at once";
    return [style.red(`What was on trial was not confirmed in time (${openJournal}); ${when}.`)];
  }
  const what = verb === "destroy" ? "A destroy" : "An apply";
  if (why === "way-back-failed") {
    return [
      style.red(`${what} failed, and so did its rollback (${openJournal}); the next apply or destroy recovers it.`),
    ];
  }
  const next =
    verb === "destroy"
      ? "awg destroy carries it to its end, awg revert puts back what stood before"
      : "the next apply or destroy recovers it";
  return [style.red(`${what} was interrupted (${openJournal}); ${next}.`)];
}

function capitalized(sentence: string): string {
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
}

/** The status as one JSON document. */
export function statusDocument(status: Status, nowMs = Date.now()): DocumentOf<"status"> {
  return {
    format_version: "1",
    generation: status.generation,
    conditions: status.conditions.map((condition) => ({ ...condition, since: condition.since ?? null })),
    resources: status.resources.map(({ tunnel, silence, ...resource }) => ({
      ...resource,
      ...(silence === undefined ? {} : { silentEngine: { pid: silence.pid, message: silence.text } }),
      ...(tunnel === undefined ? {} : { tunnel: tunnelDocument(tunnel, nowMs, hasFallback(status)) }),
    })),
    openJournal: status.openJournal ?? null,
    openChange:
      status.openJournal === undefined || status.openChange === undefined ? null : openChangeOf(status.openChange),
    fallback: status.fallback ?? [],
    silentKeeper: silenceDocument(status.silentKeeper),
    mainRuleMissing: status.mainRuleMissing ?? null,
    awaitingConfirmation:
      status.awaiting === undefined
        ? null
        : { generation: status.awaiting.generation, secondsLeft: status.awaiting.secondsLeft },
  };
}

function silenceDocument(silence: AwgError | undefined): DocumentOf<"status">["silentKeeper"] {
  if (silence === undefined) return null;
  const { message, remedy, facts } = silence;
  return { pid: facts["pid"] ?? null, message, remedy: remedy ?? null };
}
