import type { Config } from "../config/config.ts";
import type { NetworkEvents } from "../host/ports/network-events.ts";
import type { ServicePort } from "../host/ports/services.ts";
import type { FirewallPolicy } from "../model/firewall/policy.ts";
import type { Resource } from "../model/resource.ts";
import type { ProbeResult, ProbeSpec } from "../model/resources/probe.ts";
import type { TunnelObserved } from "../model/resources/tunnel.ts";
import type { Verdict } from "../reconciler/apply/confirm.ts";
import { bootTimeMs } from "../reconciler/apply/outcome.ts";
import { readOpenTransaction } from "../reconciler/apply/record.ts";
import type { Generation, ProposalRecord } from "../reconciler/apply/stores.ts";
import type { Selection } from "../reconciler/plan/selection.ts";
import type { Verified } from "../verify/finding.ts";
import type { HeldPlan } from "./apply/apply-planned.ts";
import { keepWatched, refuseAwaited, secondsToConfirm } from "./apply/awaiting.ts";
import type { Reverted, RevertOptions } from "./apply/confirmation.ts";
import type { RestoredPolicy } from "./apply/restore-policy.ts";
import type { SshRisk } from "./apply/ssh-risk.ts";
import type { Explanation } from "./explain/explanation.ts";
import type { ExplainQuestion } from "./explain/question.ts";
import type { GenerationDifference } from "./history/compare.ts";
import type { HistoryEntry } from "./history/history.ts";
import { ConfigReader } from "./load/config-reader.ts";
import { applyDepsOf, type SessionParts } from "./parts.ts";
import { planConfig, planDestroy, planGeneration } from "./plan/planner.ts";
import { parseSavedPlan, renderSavedPlan } from "./plan/saved-plan.ts";
import type { ProgramsReport, ProgramWatchEvent } from "./programs/program-report.ts";
import type {
  Applied,
  ApplyHooks,
  DaemonPlanning,
  LoadedConfig,
  Planned,
  Session,
  SessionOptions,
  SourceFile,
  Status,
} from "./session.ts";
import type { DriftReport } from "./status/drift.ts";
import type { VerifyReport } from "./verify/verify-machine.ts";

/** One machine, reconciled in this process. Each method is a door; what lies behind it stands in a file of its own. */
export class ReconcilingSession implements Session {
  readonly #parts: SessionParts;
  readonly #configs: ConfigReader;
  #held: HeldPlan | undefined;

  constructor(parts: SessionParts, options: SessionOptions) {
    this.#parts = parts;
    this.#configs = new ConfigReader(parts.known, options);
  }

  async load(files: readonly SourceFile[]): Promise<LoadedConfig> {
    return this.#configs.load(files);
  }

  /** As the port says; peers with several addresses pass over those that a daemon knows not to answer while there is another. */
  async plan(loaded: LoadedConfig, selection?: Selection, daemon?: DaemonPlanning): Promise<Planned> {
    this.#parts.requireRights?.();
    return planConfig(this.#parts, loaded, selection, daemon);
  }

  async planAndHold(loaded: LoadedConfig, selection?: Selection): Promise<Planned> {
    const { planUnderLock } = await import("./apply/apply-planned.ts");
    this.#held = await planUnderLock(this.#parts, () => this.plan(loaded, selection));
    return this.#held.planned;
  }

  /** The generation that holds; undefined before the first. */
  async acceptedGeneration(): Promise<Generation | undefined> {
    return this.#parts.stores.generations.latest();
  }

  /** What became of earlier proposals of config files. */
  async readProposals(): Promise<ProposalRecord> {
    return (await this.#parts.stores.proposals?.read()) ?? {};
  }

  /** Notes that what files say came to its end as a proposal; what was refused before is then forgotten. */
  async settleProposal(configHash: string): Promise<void> {
    await this.#parts.stores.proposals?.write({ settled: configHash });
  }

  /** The next daemon proposes its files as on a new machine. */
  async forgetProposals(): Promise<void> {
    const { proposals } = this.#parts.stores;
    if (Object.keys(await this.readProposals()).length > 0) await proposals?.write({});
  }

  /** The plan that puts the machine back to what was accepted, without any config. */
  async planAccepted(): Promise<Planned> {
    return planGeneration(this.#parts, await this.#parts.stores.generations.latest(), true);
  }

  async planRollback(number: number | undefined): Promise<Planned> {
    this.#parts.requireRights?.();
    const { generationFor } = await import("./history/history.ts");
    return planGeneration(this.#parts, await generationFor(this.#parts.stores, number));
  }

  async planDestroy(): Promise<Planned> {
    this.#parts.requireRights?.();
    return planDestroy(this.#parts);
  }

  /** Tells every engine its peers' endpoints again, so that it lets go of addresses that this machine lost. */
  async refreshEndpoints(): Promise<void> {
    const { engines } = this.#parts.host;
    const running = (await engines.readAll()).filter((one) => one.running);
    const told = await Promise.allSettled(running.map(async ({ device }) => engines.refreshEndpoints?.(device)));
    for (const one of told) if (one.status === "rejected") throw one.reason;
  }

  /** How the engine of a device stands; undefined when none answers. */
  async engine(device: string): Promise<TunnelObserved | undefined> {
    return this.#parts.host.engines.read(device);
  }

  /** Lets the engine of a device ask its peers for a sign of life. */
  async probe(device: string): Promise<void> {
    await this.#parts.host.engines.probe?.(device);
  }

  /** Runs one of the accepted state's probes. */
  async runProbe(probe: ProbeSpec): Promise<ProbeResult | undefined> {
    return this.#parts.host.probes?.run(probe);
  }

  /** Puts the fallback of these tunnels' devices in force, and of all others out of it; what stands may be renewed. */
  async fallBack(devices: readonly string[], renew: boolean): Promise<void> {
    const { fallBackAccepted } = await import("./apply/fallback.ts");
    await fallBackAccepted(this.#parts, devices, renew);
  }

  async refuseAwaiting(): Promise<void> {
    return refuseAwaited(this.#parts);
  }

  async apply(planned: Planned, hooks: ApplyHooks): Promise<Applied> {
    const held = this.#held?.planned === planned ? this.#held : undefined;
    this.#held = undefined;
    const { applyPlanned } = await import("./apply/apply-planned.ts");
    return applyPlanned(this.#parts, held ?? { planned }, hooks, () => this.#configs.remember());
  }

  async confirm(): Promise<number> {
    const { confirmNow } = await import("./apply/confirmation.ts");
    return confirmNow(this.#parts, applyDepsOf(this.#parts));
  }

  async revert(options: RevertOptions): Promise<Reverted | undefined> {
    const { revertNow } = await import("./apply/confirmation.ts");
    return revertNow(this.#parts, applyDepsOf(this.#parts), options);
  }

  async verdict(proposed: Generation): Promise<Verdict> {
    const { readVerdict } = await import("../reconciler/apply/confirm.ts");
    return readVerdict(applyDepsOf(this.#parts), proposed);
  }

  async secondsLeft(deadlineMs: number): Promise<number> {
    return (deadlineMs - bootTimeMs(this.#parts)) / 1000;
  }

  async history(): Promise<readonly HistoryEntry[]> {
    return (await import("./history/history.ts")).historyOf(this.#parts.stores);
  }

  async sshRisk(planned: Planned): Promise<SshRisk | undefined> {
    const { sshRiskOf } = await import("./apply/ssh-risk.ts");
    return sshRiskOf(this.#parts, planned);
  }

  /** What tells of changes by others, where the machine lives in this process. */
  get networkEvents(): NetworkEvents | undefined {
    return this.#parts.events;
  }

  get isOverSsh(): boolean {
    return this.#parts.sshConnection?.() !== undefined;
  }

  async readSavedPlan(text: string): Promise<Planned> {
    return parseSavedPlan(text, this);
  }

  renderSavedPlan(planned: Planned): string {
    return renderSavedPlan(planned);
  }

  async status(): Promise<Status> {
    this.#parts.requireRights?.();
    return (await import("./status/machine-status.ts")).readStatus(this.#parts);
  }

  /**
   * Seconds until what waits to be confirmed is reverted, 0 once it is due; undefined when nothing waits. AwgError journal or
   * permission where the journal cannot be read. Reads only.
   */
  async secondsToConfirm(): Promise<number | undefined> {
    return secondsToConfirm(this.#parts);
  }

  /** Starts another keeper for what waits to be confirmed where the one that was to revert it died. */
  async keepWatched(): Promise<void> {
    await keepWatched(this.#parts);
  }

  async ifUnreadable(cause: unknown, then: "protect" | "tell"): Promise<unknown> {
    await this.#letGo();
    const { ifUnreadable } = await import("./apply/unreadable-state.ts");
    const { loadStrictest } = await import("../reconciler/apply/block.ts");
    const load = (policies: readonly FirewallPolicy[]) => loadStrictest(applyDepsOf(this.#parts), policies);
    const means = { parts: this.#parts, readOpen: readOpenTransaction, ...(then === "protect" ? { load } : {}) };
    const told = await ifUnreadable(means, cause);
    if (told !== cause || then === "tell") return told;
    const { afterRestoring } = await import("./apply/restore-policy.ts");
    return afterRestoring(this.#parts, cause);
  }

  /** Puts the packet filter back that ought to stand, by itself and without a plan; undefined where nothing was wrong with it. */
  async restorePolicy(): Promise<RestoredPolicy | undefined> {
    const { restorePolicy } = await import("./apply/restore-policy.ts");
    return restorePolicy(this.#parts);
  }

  async drift(): Promise<DriftReport> {
    this.#parts.requireRights?.();
    return (await import("./status/drift.ts")).readDrift(this.#parts);
  }

  async compare(from: number, to: number): Promise<readonly GenerationDifference[]> {
    const { compareGenerations } = await import("./history/compare.ts");
    return compareGenerations(this.#parts.stores, from, to);
  }

  async verify(): Promise<VerifyReport> {
    this.#parts.requireRights?.();
    const { verifyMachine } = await import("./verify/verify-machine.ts");
    return verifyMachine(this.#parts);
  }

  async verifyPlan({ plan }: Planned): Promise<Verified> {
    const { verifyPlan } = await import("./verify/verify-plan.ts");
    return verifyPlan(this.#parts, plan);
  }

  async explain(question: ExplainQuestion): Promise<Explanation> {
    this.#parts.requireRights?.();
    const { explainFlow } = await import("./explain/explain.ts");
    return explainFlow(this.#parts, question);
  }

  async programs(config?: Config): Promise<ProgramsReport> {
    const { listPrograms } = await import("./programs/list-programs.ts");
    return listPrograms(this.#parts, config);
  }

  async watchPrograms(
    config: Config | undefined,
    onEvent: (event: ProgramWatchEvent) => void,
  ): Promise<AsyncDisposable> {
    const { watchPrograms } = await import("./programs/list-programs.ts");
    return watchPrograms(this.#parts, config, onEvent);
  }

  /** The services of this machine; undefined where the host has none. */
  get services(): ServicePort | undefined {
    return this.#parts.host.services;
  }

  /** Does something to the machine beside its resources, with the rights and the lock that it takes. */
  async write<T>(verb: string, act: () => Promise<T>): Promise<T> {
    this.#parts.requireRights?.();
    await using _lock = await this.#parts.lock(verb);
    const result = await act();
    await this.#parts.close();
    return result;
  }

  async observed(): Promise<readonly Resource[]> {
    this.#parts.requireRights?.();
    return (await import("./status/machine-status.ts")).readOwned(this.#parts);
  }

  async accepted(): Promise<readonly Resource[]> {
    return (await this.#parts.stores.generations.latest())?.desired.resources ?? [];
  }

  async #letGo(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.lock?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#letGo();
    await this.#parts.host[Symbol.asyncDispose]();
  }
}
