import type { ApplyHooks } from "../../src/app/apply/applied.ts";
import { applyPlanned } from "../../src/app/apply/apply-planned.ts";
import { refuseAwaited, secondsToConfirm } from "../../src/app/apply/awaiting.ts";
import { confirmNow, type RevertOptions, revertNow } from "../../src/app/apply/confirmation.ts";
import { type PlannedUnderLock, planUnderLock } from "../../src/app/apply/plan-under-lock.ts";
import { forgetProposals, readProposalRecord, settleProposal } from "../../src/app/apply/proposal-record.ts";
import { examineHost } from "../../src/app/doctor/examine.ts";
import type { Examination } from "../../src/app/doctor/finding.ts";
import { explainFlow } from "../../src/app/explain/explain.ts";
import type { ExplainQuestion } from "../../src/app/explain/question/question.ts";
import { compareGenerations } from "../../src/app/history/compare.ts";
import { historyOf } from "../../src/app/history/history.ts";
import type { HostOptions } from "../../src/app/host-options.ts";
import type { LoadedConfig, SourceFile } from "../../src/app/load/loaded-config.ts";
import { OpenHost } from "../../src/app/open-host.ts";
import type { HostParts } from "../../src/app/parts.ts";
import type { Planned, Selection } from "../../src/app/plan/planned.ts";
import { planAccepted, planConfig, planDestroy, planRollback } from "../../src/app/plan/planner.ts";
import { renderSavedPlan } from "../../src/app/plan/saved-plan.ts";
import { listPrograms } from "../../src/app/programs/list-programs.ts";
import { explainFailure, protectAfterFailure } from "../../src/app/protect/failed-verb.ts";
import { restorePolicy } from "../../src/app/protect/restore-policy.ts";
import { readDrift } from "../../src/app/status/drift.ts";
import { readAccepted, readStatus } from "../../src/app/status/machine-status.ts";
import { verifyMachine } from "../../src/app/verify/verify-machine.ts";
import { verifyPlan } from "../../src/app/verify/verify-plan.ts";
import { openParts } from "../../src/compose/open.ts";
import type { Config } from "../../src/config/config.ts";
import { type UseCases, useCasesOf } from "../../src/daemon/use-cases.ts";
import type { AwgError } from "../../src/model/error.ts";

/** The use cases of one open host as methods, so that tests read as a sequence of verbs. */
export class TestSession implements AsyncDisposable {
  readonly host: OpenHost;
  #locked: PlannedUnderLock | undefined;

  constructor(parts: HostParts, options: HostOptions) {
    this.host = new OpenHost(parts, options);
  }

  /** What a daemon on this host does. */
  useCases(): UseCases {
    return useCasesOf(this.host);
  }

  load = (files: readonly SourceFile[]) => this.host.configs.load(files);
  plan = (loaded: LoadedConfig, selection?: Selection) => planConfig(this.host.parts, loaded, selection);
  planDestroy = () => planDestroy(this.host.parts);
  planRollback = (number: number | undefined) => planRollback(this.host.parts, number);
  planAccepted = () => planAccepted(this.host.parts);
  renderSavedPlan = renderSavedPlan;

  /** The plan stays locked until it is applied, a failure is reported, or the session ends. */
  async planAndHold(loaded: LoadedConfig): Promise<Planned> {
    this.#locked = await planUnderLock(this.host.parts, () => this.plan(loaded));
    return this.#locked.planned;
  }

  apply(planned: Planned, hooks: ApplyHooks) {
    const locked = this.#locked?.planned === planned ? this.#locked : { planned };
    return applyPlanned(this.host.parts, locked, hooks, () => this.host.configs.remember());
  }

  confirm = () => confirmNow(this.host.parts);
  revert = (options: RevertOptions) => revertNow(this.host.parts, options);
  restorePolicy = () => restorePolicy(this.host.parts);
  secondsToConfirm = () => secondsToConfirm(this.host.parts);
  readProposals = () => readProposalRecord(this.host.parts);
  settleProposal = (hash: string) => settleProposal(this.host.parts, hash);
  forgetProposals = () => forgetProposals(this.host.parts);

  async ifUnreadable(cause: unknown, then: "protect" | "tell"): Promise<unknown> {
    await this.#locked?.lock?.[Symbol.asyncDispose]();
    return then === "protect" ? protectAfterFailure(this.host.parts, cause) : explainFailure(this.host.parts, cause);
  }

  acceptedGeneration = () => this.host.parts.stores.generations.latest();
  accepted = () => readAccepted(this.host.parts);
  compare = (from: number, to: number) => compareGenerations(this.host.parts.stores, from, to);
  refuseAwaiting = () => refuseAwaited(this.host.parts);
  history = () => historyOf(this.host.parts.stores);
  status = () => readStatus(this.host.parts);
  drift = () => readDrift(this.host.parts);
  verify = () => verifyMachine(this.host.parts);
  verifyPlan = ({ plan }: Planned) => verifyPlan(this.host.parts, plan);
  explain = (question: ExplainQuestion) => explainFlow(this.host.parts, question);
  programs = (config?: Config) => listPrograms(this.host.parts, config);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#locked?.lock?.[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}

/** What `awg doctor` finds on the host that the options name. */
export async function examine(options: HostOptions): Promise<Examination> {
  const silences: AwgError[] = [];
  const parts = await openParts({ ...options, onSilentKeeper: (silence) => void silences.push(silence) });
  try {
    return await examineHost(parts, silences);
  } finally {
    await parts.host[Symbol.asyncDispose]();
  }
}

/** Opens a session on the host that the options name. */
export async function openTestSession(options: HostOptions): Promise<TestSession> {
  return new TestSession(await openParts(options), options);
}
