import { type Unrecorded, unrecordedText } from "../../../app/status/compare-host.ts";
import type { MainRuleMissing } from "../../../app/status/main-rule.ts";
import { nameOf, openChangeOf } from "../../../app/status/open-change.ts";
import type { Condition, ResourceStatus, Status } from "../../../app/status/status-report.ts";
import { type AwgError, messageOf } from "../../../model/error.ts";
import { inverseChange } from "../../../model/plan.ts";
import type { RelayState } from "../../../model/relay/proxy.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { daemonDocument, renderDaemon } from "../../views/daemon-state.ts";
import { overrideDocument, renderOverride } from "../../views/override.ts";
import { passedText } from "../../views/passed.ts";
import { changeLines } from "../../views/resource/field-change.ts";
import { visibleChanges } from "../../views/resource/policy-values.ts";
import type { Style } from "../../views/style.ts";
import { unrecordedRemedy } from "../../views/unrecorded.ts";
import { renderPeers, renderTunnelState, tunnelDocument } from "./tunnel-status.view.ts";

/** Conditions that are good when true; the others are good when false. */
const GOOD_WHEN_TRUE: ReadonlySet<Condition["type"]> = new Set(["Ready", "Protected"]);

/** How many rules one line names. */
const MOST_NAMED = 5;

const REBOOT_TEXT = "A reboot ends this; awg install keeps it.";

/** The status as people read it. */
export function renderStatus(status: Status, style: Style, nowMs = Date.now()): string {
  const open = openTexts(status, style);
  if (status.resources.length === 0) {
    const isUnderWay =
      (status.openJournal !== undefined && status.openChange?.why !== "unwritten") || status.awaiting !== undefined;
    const first = isUnderWay
      ? "No state is accepted on this host."
      : status.unrecorded !== undefined
        ? renderUnrecorded(status.unrecorded, status.conditions, style, nowMs)
        : status.down === undefined
          ? "Nothing is applied on this host. awg does not protect its traffic."
          : `${headline(status)}: every tunnel is down, and nothing else is applied.`;
    return [first, ...open].join("\n");
  }
  const width = Math.max(...status.resources.map(({ key }) => key.length));
  return [
    style.bold(headline(status)),
    ...renderConditions(status.conditions, style, nowMs),
    ...open,
    ...(status.directRules === undefined ? [] : [renderDirectRules(status.directRules)]),
    ...(status.endsAtReboot === true ? [style.yellow(REBOOT_TEXT)] : []),
    ...(status.daemon === undefined ? [] : [renderDaemon(status.daemon, nowMs)]),
    "",
    ...status.resources.flatMap((resource) =>
      renderResource(resource, width, style, { nowMs, hasFallback: hasFallback(status, resource) }),
    ),
  ].join("\n");
}

/** The kernel enforces the loaded policy, whatever the state folder holds. */
function renderUnrecorded(
  unrecorded: Unrecorded,
  conditions: readonly Condition[],
  style: Style,
  nowMs: number,
): string {
  const { keys } = unrecorded;
  return [
    style.red(`${unrecordedText(unrecorded)}.`),
    ...renderConditions(
      conditions.filter(({ type }) => type === "Protected"),
      style,
      nowMs,
    ),
    `  On this host: ${keys.join(", ")}`,
    ...unrecordedRemedy(),
  ].join("\n");
}

function headline({ generation, awaiting }: Status): string {
  return awaiting === undefined ? `Generation ${generation}` : `Generation ${awaiting.generation}, on trial`;
}

/** What is good or bad on the host; of a trouble and its consequences only the trouble. */
function renderConditions(conditions: readonly Condition[], style: Style, nowMs: number): readonly string[] {
  const shown = conditions.filter(
    ({ type, status, causedBy }) => GOOD_WHEN_TRUE.has(type) || (status && causedBy === undefined),
  );
  const width = Math.max("Protected:".length + 1, ...shown.map(({ type }) => type.length + 1));
  return shown.map((condition) => renderCondition(condition, width, style, nowMs));
}

function renderCondition(
  { type, status, message, since, causedBy }: Condition,
  width: number,
  style: Style,
  nowMs: number,
): string {
  const good = GOOD_WHEN_TRUE.has(type) === status;
  const value = (good ? style.green : style.red)(status ? "yes" : "no");
  const passed = since === undefined ? "" : passedText(Date.parse(since), nowMs);
  const time = since === undefined ? "" : style.dim(good ? ` (applied ${passed} ago)` : `, for ${passed}`);
  const cause = causedBy === undefined ? "" : `; see ${causedBy}`;
  return `  ${`${type}:`.padEnd(width)} ${value}${status ? "" : " "}  ${message}${cause}${time}`;
}

/** Names alone, for a rule without one its place. */
function renderDirectRules(rules: readonly string[]): string {
  const names = rules.map((rule) => /^rules\/[0-9]+ \((.*)\)$/s.exec(rule)?.[1] ?? rule);
  const more = names.length - MOST_NAMED;
  return `Direct by rule: ${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function renderResource(
  { key, enforcement, ready, drift, summary, tunnel }: ResourceStatus,
  width: number,
  style: Style,
  { nowMs, hasFallback }: { readonly nowMs: number; readonly hasFallback: boolean },
): readonly string[] {
  const mark = ready && drift.length === 0 ? style.green("✓") : drift.length > 0 ? style.yellow("≠") : style.red("✗");
  const state = tunnel === undefined ? summary : renderTunnelState(tunnel, nowMs, hasFallback);
  const head = `  ${mark} ${key.padEnd(width)}  ${(ready || drift.length > 0 ? enforcement : "").padEnd(11)}  ${state}`;
  const peers = tunnel === undefined ? [] : renderPeers(tunnel, nowMs);
  return [
    head.trimEnd(),
    ...peers.map((peer) => `      ${style.dim(peer)}`),
    ...visibleChanges(drift)
      .flatMap((change) => changeLines(inverseChange(change), style, "found"))
      .map((line) => `      ${line}`),
  ];
}

function hasFallback({ fallback = [] }: Status, { key }: Pick<ResourceStatus, "key">): boolean {
  return fallback.some(({ tunnel }) => key === `tunnel/${tunnel}`);
}

function openTexts(
  { fallback = [], down = [], override, silentKeeper, mainRuleMissing, ...transaction }: Status,
  style: Style,
): readonly string[] {
  const stopped = down.map((name) => style.yellow(`Tunnel "${name}" is down on request. Bring it up: awg up ${name}`));
  const fallen = fallback.map(({ device, by, rules }) =>
    style.yellow(
      `${device} is down: ${rules.join(", ")} ${rules.length === 1 ? "goes" : "go"} ${by === undefined ? "direct" : `by ${by}`} until it is up.`,
    ),
  );
  const silent = silentKeeper === undefined ? [] : [style.red(silenceText(silentKeeper))];
  const rule = mainRuleMissing === undefined ? [] : [style.red(mainRuleText(mainRuleMissing))];
  const asked = override === undefined ? [] : [style.yellow(renderOverride(override))];
  return [...asked, ...stopped, ...fallen, ...silent, ...rule, ...transactionTexts(transaction, style)];
}

function mainRuleText({ message, remedy }: MainRuleMissing): string {
  return `${capitalized(message)}. Restore it: ${remedy.join("; ")}`;
}

/** The kernel goes on with what was applied; only changes have to wait. */
function silenceText(silence: AwgError): string {
  return `${capitalized(messageOf(silence))}. Until then the applied state stays, and nothing can be changed.`;
}

function transactionTexts(
  {
    openJournal,
    openChange,
    awaiting,
    generation: accepted,
  }: Omit<Status, "fallback" | "down" | "override" | "silentKeeper" | "mainRuleMissing">,
  style: Style,
): readonly string[] {
  if (awaiting !== undefined) {
    const { generation, secondsLeft } = awaiting;
    const what = `Generation ${generation} is reverted in ${secondsLeft} s unless confirmed`;
    return [style.yellow(`${what}. Keep it: awg confirm. Undo it: awg revert.`)];
  }
  if (openJournal === undefined || openChange === undefined) return [];
  const { verb, why } = openChange;
  if (why === "unwritten") {
    const what = `Generation ${accepted} is applied and could not be saved yet (${openJournal})`;
    return [style.yellow(`${what}. Correct that; the next apply or destroy saves it.`)];
  }
  if (why === "under-way") {
    const state = "the host is between the old and the new state";
    const who = capitalized(nameOf(openChange.changedBy));
    return [style.yellow(`${who} is changing this host (${openJournal}): ${state} until it ends.`)];
  }
  if (why === "not-confirmed") {
    const when = "the next apply or destroy restores the old state; awg revert does it now";
    return [style.red(`The change was not confirmed in time (${openJournal}); ${when}.`)];
  }
  const what = verb === "destroy" ? "A destroy" : "An apply";
  if (why === "rollback-failed") {
    return [style.red(`${what} and its rollback failed (${openJournal}). The next apply or destroy recovers it.`)];
  }
  const next =
    verb === "destroy" ? "awg destroy completes it, awg revert undoes it" : "the next apply or destroy recovers it";
  return [style.red(`${what} was interrupted (${openJournal}); ${next}.`)];
}

function capitalized(sentence: string): string {
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
}

/** The status as one JSON document. */
export function statusDocument(status: Status, nowMs = Date.now()): DocumentOf<"status"> {
  return {
    formatVersion: "1",
    generation: status.generation,
    conditions: status.conditions.map(({ type, status: holds, reason, message, since, causedBy }) => ({
      type,
      status: holds,
      reason,
      message,
      since: since ?? null,
      observedGeneration: status.awaiting?.generation ?? status.generation,
      causedBy: causedBy ?? null,
    })),
    unrecorded: status.unrecorded?.keys ?? [],
    resources: status.resources.map(({ tunnel, proxy, silence, ...resource }) => ({
      ...resource,
      ...(proxy === undefined ? {} : { proxy: proxyDocument(proxy) }),
      ...(silence === undefined ? {} : { silentEngine: { pid: silence.pid, message: silence.text } }),
      ...(tunnel === undefined ? {} : { tunnel: tunnelDocument(tunnel, nowMs, hasFallback(status, resource)) }),
    })),
    openJournal: status.openJournal ?? null,
    openChange:
      status.openJournal === undefined || status.openChange === undefined ? null : openChangeOf(status.openChange),
    fallback: (status.fallback ?? []).map(({ by = null, ...one }) => ({ ...one, by })),
    directRules: status.directRules ?? [],
    down: status.down ?? [],
    override: overrideDocument(status.override),
    silentKeeper: silenceDocument(status.silentKeeper),
    mainRuleMissing: status.mainRuleMissing ?? null,
    endsAtReboot: status.endsAtReboot === true,
    daemon: daemonDocument(status.daemon),
    awaitingConfirmation:
      status.awaiting === undefined
        ? null
        : { generation: status.awaiting.generation, secondsLeft: status.awaiting.secondsLeft },
  };
}

function proxyDocument({ latencyMs, udp, reason, localAddress, ...relay }: RelayState) {
  return {
    ...relay,
    latencyMs: latencyMs ?? null,
    udp: udp ?? null,
    reason: reason ?? null,
    localAddress: localAddress ?? null,
  };
}

function silenceDocument(silence: AwgError | undefined): DocumentOf<"status">["silentKeeper"] {
  if (silence === undefined) return null;
  const { message, remedy, facts } = silence;
  return { pid: facts["pid"] ?? null, message, remedy: remedy ?? null };
}
