import type { Applied, ProgressEvent } from "../../../app/apply/applied.ts";
import { applyPlanned } from "../../../app/apply/apply-planned.ts";
import { awaitedChange } from "../../../app/apply/awaited-change.ts";
import { refuseAwaited } from "../../../app/apply/awaiting.ts";
import type { PlannedUnderLock } from "../../../app/apply/plan-under-lock.ts";
import { type SshRisk, sshRiskOf } from "../../../app/apply/ssh-risk.ts";
import type { OpenHost } from "../../../app/open-host.ts";
import type { HostParts } from "../../../app/parts.ts";
import { affectedFlows } from "../../../app/plan/affected/affected-flows.ts";
import type { Planned } from "../../../app/plan/planned.ts";
import { AwgError } from "../../../model/error.ts";
import { type Batch, isInSync } from "../../../model/plan.ts";
import { printEvent } from "../../event-stream.ts";
import { EXIT, type ExitCode } from "../../exit-code.ts";
import { flagOption, textOption, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printNotes } from "../../views/notes.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { printPlanned } from "../plan/plan.json.ts";
import { afterText, answersAfter, answersText, type StateAfter, stateAfter } from "./after-apply.ts";
import { awaitConfirmation, confirmWithinOf } from "./await-confirmation.ts";
import { CODE_OF_SIGNAL, watchStopSignals } from "./stop-signals.ts";

/** Texts for the steps that `apply` and `destroy` share: show, prompt, execute, report. */
export interface VerbTexts {
  /** What the person asked for, for the audit log. */
  readonly request: string;
  readonly question: string;
  readonly done: (planned: Planned, outcome: Applied) => string;
  readonly nothing: string;
  /** It was reviewed before, like a saved plan: no prompt. */
  readonly approved?: boolean;
}

/**
 * Shows the plan, prompts unless approved, applies it; SIGINT, SIGTERM and SIGHUP undo it and exit 130, 143 and 129.
 */
export async function executeVerb(
  call: VerbCall,
  { parts, configs }: OpenHost,
  { planned, lock }: PlannedUnderLock,
  texts: VerbTexts,
): Promise<ExitCode> {
  await refuseAwaited(parts);
  await showPlan(call, parts, planned);
  if (!isInSync(planned.plan)) {
    refuseLosingSsh(call, await sshRiskOf(parts, planned));
    approve(call, texts);
  }
  const confirmWithinMs =
    planned.verb === "apply" ? confirmWithinOf(call, parts.sshConnection?.() !== undefined) : undefined;
  const signals = watchStopSignals();
  try {
    const hooks = {
      onEvent: (event: ProgressEvent) => reportEvent(event, call),
      shouldStop: () => signals.look(),
      request: texts.request,
      ...(confirmWithinMs === undefined ? {} : { confirmWithinMs }),
    };
    const plan = { planned, ...(lock === undefined ? {} : { lock }) };
    const outcome = await applyPlanned(parts, plan, hooks, () => configs.remember());
    const answering = answersAfter(parts, planned, outcome, () => signals.received !== undefined);
    if (outcome.unconfirmed !== undefined) {
      signals.outliveTerminal();
      if (!isForPrograms(call)) void answering.then((answers) => printAnswers(answersText(outcome, answers), call));
      await awaitConfirmation(call, awaitedChange(parts, outcome.unconfirmed), () => signals.received);
    }
    reportResult(call, planned, outcome, await stateAfter(parts, planned, outcome, answering), texts);
    if (await isAwaitingPerson(call, parts, planned)) return EXIT.unsupported;
    return flagOption(call, "detailedExitcode") && outcome.changed ? EXIT.changed : EXIT.success;
  } catch (error) {
    if (signals.received === undefined) throw error;
    return reportInterrupted(call, signals.received, error);
  } finally {
    signals.stop();
  }
}

function isForPrograms(call: VerbCall): boolean {
  return flagOption(call, "jsonStream") || flagOption(call, "json");
}

/** The plan for people; of an empty one its warnings alone. */
async function showPlan(call: VerbCall, parts: HostParts, planned: Planned): Promise<void> {
  if (isForPrograms(call)) return;
  if (!isInSync(planned.plan)) {
    printPlanned(planned, call, { affected: await affectedFlows(parts, planned) });
    return;
  }
  const warnings = planned.notes.filter(({ isWarning }) => isWarning);
  printNotes(warnings, call.terminal);
}

function reportResult(call: VerbCall, planned: Planned, outcome: Applied, after: StateAfter, texts: VerbTexts): void {
  const { terminal } = call;
  const { unconfirmed: _, ...applied } = outcome;
  const result = { ...applied, ...after };
  if (flagOption(call, "jsonStream")) printEvent(terminal, { type: "result", ...result });
  else if (flagOption(call, "json")) printDocument(terminal, "apply", { formatVersion: "1", ...result });
  else {
    const text = outcome.changed ? doneText(texts, planned, outcome) : nothingText(texts, outcome);
    printText(terminal, `${text}\n${afterText(outcome, after)}`.trimEnd());
    if (outcome.changed && textOption(call, "host") === "simulated") terminal.err(FORGOTTEN);
  }
  if (outcome.unaccepted !== undefined) terminal.err(unacceptedText(outcome.unaccepted));
}

function reportInterrupted(call: VerbCall, signal: keyof typeof CODE_OF_SIGNAL, error: unknown): ExitCode {
  const message = error instanceof AwgError ? error.message : "the change was undone";
  if (flagOption(call, "jsonStream")) printEvent(call.terminal, { type: "interrupted", signal, message });
  call.terminal.err(`awg: interrupted by ${signal}; ${message}`);
  return CODE_OF_SIGNAL[signal];
}

const FORGOTTEN = "note: --host simulated forgets this now; --host simulated:FILE keeps it in FILE";

/** Progress of a state on trial. */
function printAnswers(text: string, { terminal }: VerbCall): void {
  if (text !== "") terminal.err(text.trimEnd());
}

/** A destroy says itself what it left. */
function doneText({ done }: VerbTexts, planned: Planned, outcome: Applied): string {
  return `${done(planned, outcome)}${planned.verb === "destroy" ? "" : leftText(outcome)}`;
}

function nothingText({ nothing }: VerbTexts, outcome: Applied): string {
  const { recorded, generation } = outcome;
  if (recorded !== true) return `${nothing}${leftText(outcome)}`;
  return `The host needs no change. The config is accepted as generation ${generation}.${leftText(outcome)}`;
}

function leftText({ kept }: Applied): string {
  return kept === undefined ? "" : ` Not put back: ${kept}`;
}

/** The host is in the new state; the journal holds what is left to write. */
function unacceptedText(why: string): string {
  return `awg: applied, but the new generation could not be saved yet (${why}); correct that, and the next apply or destroy saves it`;
}

/** Whether a person or a reboot must finish an otherwise complete change; prints what. Waits for neither. */
async function isAwaitingPerson({ terminal }: VerbCall, parts: HostParts, { desired }: Planned): Promise<boolean> {
  if (!desired.resources.some(({ kind }) => kind === "system-extension")) return false;
  const { readStatus } = await import("../../../app/status/machine-status.ts");
  const { resources } = await readStatus(parts);
  const waiting = resources.filter(({ key, ready }) => key.startsWith("system-extension/") && !ready);
  for (const { summary } of waiting) terminal.err(`awg: ${summary}`);
  return waiting.length > 0;
}

/** AwgError usage if the plan would cut off the person who runs it. */
function refuseLosingSsh(call: VerbCall, risk: SshRisk | undefined): void {
  if (risk === undefined || textOption(call, "acceptRisk") === "lose-ssh") return;
  throw new AwgError("usage", `this would cut the SSH connection you are on (${risk.why}); nothing was changed`, {
    remedy: risk.remedy,
  });
}

function approve(call: VerbCall, { question, approved }: VerbTexts): void {
  if (approved === true || flagOption(call, "autoApprove")) return;
  if (!call.terminal.interactive) {
    throw new AwgError("usage", "standard input is not a terminal", {
      remedy: "check `awg plan`, then repeat with --auto-approve",
    });
  }
  const answer = call.terminal.ask(`\n${question} Type yes to continue: `);
  if (answer !== "yes") throw new AwgError("usage", "not approved; nothing was changed");
}

function reportEvent(event: ProgressEvent, call: VerbCall): void {
  const { terminal } = call;
  if (flagOption(call, "jsonStream")) {
    printEvent(terminal, event);
    return;
  }
  if (flagOption(call, "json")) return;
  const style = styleFor(terminal.colorErr);
  const text = eventText(event);
  if (text !== undefined) terminal.err(style.dim(text));
}

/** What a batch does, for people. The last phase removes what is not needed any more, and loads the final policy. */
function batchText({ phase, steps }: Batch): string {
  if (phase !== "retire") return phase === "flip" ? "switch" : "prepare";
  return steps.every(({ action }) => action === "delete") ? "remove" : "finish";
}

function eventText(event: ProgressEvent): string | undefined {
  switch (event.type) {
    case "batch-start":
      return `[${event.index + 1}/${event.total}] ${batchText(event.batch)} ${event.batch.steps.map(({ key }) => key).join(", ")}`;
    case "verify":
      // That all of it was read back is said at the end.
      if (event.differing.length === 0) return undefined;
      return `verifying, attempt ${event.attempt}: still different: ${event.differing.join("; ")}`;
    case "probe":
      return `probe ${event.name}: ${event.result.detail}`;
    case "rollback":
      return `rolling back: ${event.cause}`;
    case "undo-start":
      return `undoing: ${event.batch.steps.map(({ key }) => key).join(", ")}`;
    case "blocked":
      return `the rollback failed; traffic is blocked: ${event.cause}`;
    case "batch-done":
      return undefined;
  }
}
