import type { Host } from "../host/ports/host.ts";
import { AwgError } from "../model/error.ts";
import type { Observed, Resource, ResourceKey } from "../model/resource.ts";
import type { SecretId, SecretRef } from "../model/secret.ts";
import { VERSION } from "../model/version.ts";
import { readVerdict, type Verdict } from "../reconciler/apply/confirm.ts";
import { executePlan } from "../reconciler/apply/execute.ts";
import { observeMachine } from "../reconciler/apply/observe.ts";
import { type ApplyDeps, bootTimeMs } from "../reconciler/apply/outcome.ts";
import { readOpenTransaction, recoverOpenJournal } from "../reconciler/apply/recover.ts";
import type { Generation, Stores } from "../reconciler/apply/stores.ts";
import { driverOf, type Observation } from "../reconciler/plan/observation.ts";
import { planChanges } from "../reconciler/plan/plan-changes.ts";
import { type Expansion, endpointsOf, expand } from "../resources/expand.ts";
import { driverRegistry } from "../resources/registry.ts";
import { factsWantedBy, type NamedSecret, secretsOf } from "./facts-wanted.ts";
import {
  awaitedIn,
  confirmationOf,
  confirmNow,
  type RevertOptions,
  revertNow,
  sshRiskOf,
  type Watchdog,
} from "./generations/confirmation.ts";
import { refuseUnsupported, throwFailure } from "./generations/failure.ts";
import { generationFor, type HistoryEntry, historyOf } from "./generations/history.ts";
import type { CarriedConnection } from "./generations/ssh-connection.ts";
import type { KnownConfig } from "./known-config.ts";
import { readInclude } from "./read-include.ts";
import { parseSavedPlan, renderSavedPlan } from "./saved-plan.ts";
import type {
  Applied,
  ApplyHooks,
  LoadedConfig,
  Planned,
  Session,
  SessionOptions,
  SourceFile,
  Status,
} from "./session.ts";
import { statusOf } from "./status.ts";
import { trafficSentence } from "./traffic.ts";

/** What a session stands on; the parts that differ between a real machine and a simulated one. */
export interface SessionParts {
  readonly host: Host;
  readonly stores: Stores;
  readonly clock: ApplyDeps["clock"];
  /** Reads a secret and gives its id; the bytes stay in the store. Throws AwgError config naming the reference. */
  readonly resolveSecret: (secret: NamedSecret) => Promise<SecretId>;
  /** Held while anything is written; the holder's verb is told to whoever finds it locked. */
  readonly lock: (verb: string) => Promise<AsyncDisposable>;
  /** AwgError permission where this process may not even read the machine. */
  readonly requireRights?: () => void;
  /** Configurations with an inline secret or includes are never known. */
  readonly known?: KnownConfig;
  /** Reverts what nobody confirms, from another process; undefined where there is none (a simulated machine). */
  readonly watchdog?: Watchdog;
  /** The SSH connection this process was started over, where it goes through this machine's own network. */
  readonly sshConnection?: () => CarriedConnection | undefined;
  /** Called after the last write: a simulated machine saves itself. */
  readonly close: () => Promise<void>;
}

/** One machine, reconciled in this process. */
export class ReconcilingSession implements Session {
  readonly #parts: SessionParts;
  readonly #options: SessionOptions;
  #fresh: { readonly files: readonly SourceFile[]; readonly loaded: LoadedConfig } | undefined;

  constructor(parts: SessionParts, options: SessionOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async load(files: readonly SourceFile[]): Promise<LoadedConfig> {
    const known = this.#parts.known?.read(files);
    if (known !== undefined) return known;
    const { loadConfig } = await import("../model/config/load-config.ts");
    const { environment, allowInsecurePermissions } = this.#options;
    const options = { environment, allowInsecurePermissions, readInclude, programVersion: VERSION };
    const { config, problems, hash, sources } = loadConfig(files, options);
    const loaded = { config, problems, hash, sources: files.map(({ name }) => name) };
    const { hasInlineSecret } = await import("../model/config/config.ts");
    if (sources.length === files.length && config !== undefined && !hasInlineSecret(config))
      this.#fresh = { files, loaded };
    return loaded;
  }

  async plan({ config, hash, sources }: LoadedConfig): Promise<Planned> {
    if (config === undefined) throw new AwgError("bug", "a plan was asked of a config with errors");
    const { host, stores } = this.#parts;
    this.#parts.requireRights?.();
    const facts = await host.facts.read(factsWantedBy(config));
    const latest = await stores.generations.latest();
    const expansion = await this.#expand(config, facts, latest);
    refuseUnsupported(expansion);
    const { plan, notes } = await this.#planFor(expansion.desired);
    return {
      verb: "apply",
      plan,
      desired: expansion.desired,
      configHash: hash,
      fingerprint: facts.fingerprint,
      pathNumbers: expansion.pathNumbers,
      sources,
      notes: [...expansion.notes, ...notes],
      traffic: trafficSentence(plan),
    };
  }

  /** The generation that holds; undefined before the first. */
  async acceptedGeneration(): Promise<Generation | undefined> {
    return this.#parts.stores.generations.latest();
  }

  /** The plan that puts the machine back to what was accepted, without any config. */
  async planAccepted(): Promise<Planned> {
    return this.#planGeneration(await this.#parts.stores.generations.latest());
  }

  async planRollback(number: number | undefined): Promise<Planned> {
    this.#parts.requireRights?.();
    return this.#planGeneration(await generationFor(this.#parts.stores, number));
  }

  /** Tells every engine its peers' endpoints again, so that it lets go of addresses that this machine lost. */
  async nudge(): Promise<void> {
    const { engines } = this.#parts.host;
    for (const { device } of await engines.readAll()) await engines.nudge?.(device);
  }

  async planDestroy(): Promise<Planned> {
    const { host } = this.#parts;
    this.#parts.requireRights?.();
    const { fingerprint } = await host.facts.read({ users: [], hosts: [] });
    const desired = { resources: [] };
    const { plan, notes } = await this.#planFor(desired);
    const traffic = trafficSentence(plan);
    return {
      verb: "destroy",
      plan,
      desired,
      configHash: "",
      fingerprint,
      pathNumbers: {},
      sources: [],
      notes,
      traffic,
    };
  }

  async apply(planned: Planned, hooks: ApplyHooks): Promise<Applied> {
    await using _held = await this.#parts.lock(planned.verb);
    const deps = { ...this.#applyDeps(), progress: hooks.onEvent, shouldStop: hooks.shouldStop };
    const recovered = await recoverOpenJournal(deps, planned.verb);
    if (recovered?.kind === "rollbackIncomplete") throwFailure(recovered);
    // What stands on the machine may have changed since the plan was shown; the lock makes this reading the one that counts.
    const { plan } = await this.#planFor(planned.desired);
    const { verb, desired, configHash, pathNumbers } = planned;
    const confirmation = confirmationOf(this.#parts, hooks.confirmWithinMs);
    const outcome = await executePlan({ ...deps, ...confirmation }, { verb, desired, configHash, pathNumbers }, plan);
    if (outcome.kind === "applied" && this.#fresh !== undefined)
      this.#parts.known?.write(this.#fresh.files, this.#fresh.loaded);
    await this.#parts.close();
    if (outcome.kind === "unconfirmed") {
      const unconfirmed = { ...outcome, isWatched: this.#parts.watchdog !== undefined };
      return { generation: outcome.proposed.number, changed: true, unconfirmed };
    }
    if (confirmation !== undefined || recovered !== undefined) await this.#parts.watchdog?.disarm();
    if (outcome.kind === "rolledBack" || outcome.kind === "rollbackIncomplete") return throwFailure(outcome);
    return { generation: outcome.generation, changed: outcome.kind === "applied" || recovered !== undefined };
  }

  async confirm(): Promise<number> {
    return confirmNow(this.#parts, this.#applyDeps());
  }

  async revert(options: RevertOptions): Promise<boolean> {
    return revertNow(this.#parts, this.#applyDeps(), options);
  }

  async verdict(proposed: Generation): Promise<Verdict> {
    return readVerdict(this.#applyDeps(), proposed);
  }

  async secondsLeft(deadlineMs: number): Promise<number> {
    return (deadlineMs - bootTimeMs(this.#applyDeps())) / 1000;
  }

  async history(): Promise<readonly HistoryEntry[]> {
    return historyOf(this.#parts.stores);
  }

  async sshRisk(planned: Planned): Promise<string | undefined> {
    return sshRiskOf(this.#parts, planned);
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
    const { host, stores } = this.#parts;
    this.#parts.requireRights?.();
    const { capabilities } = await host.facts.read({ users: [], hosts: [] });
    const latest = await stores.generations.latest();
    const ledger = await stores.ledger.read();
    const desired = latest !== undefined && latest.number === ledger.generation ? latest.desired : { resources: [] };
    const observed = await observeMachine(host, driverRegistry, desired, ledger);
    const open = await readOpenTransaction(stores.journal);
    const awaited = awaitedIn(open, this.#applyDeps());
    const openJournal = open === undefined || awaited !== undefined ? undefined : stores.journal.location;
    const common = { capabilities, registry: driverRegistry, openJournal };
    const status = statusOf({ generation: latest, desired, observed, ...common });
    return awaited === undefined ? status : { ...status, awaiting: awaited };
  }

  async observed(): Promise<readonly Resource[]> {
    const { host, stores } = this.#parts;
    this.#parts.requireRights?.();
    const observation = await observeMachine(host, driverRegistry, { resources: [] }, await stores.ledger.read());
    return ownedResources(observation);
  }

  async accepted(): Promise<readonly Resource[]> {
    return (await this.#parts.stores.generations.latest())?.desired.resources ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.host[Symbol.asyncDispose]();
  }

  async #expand(
    config: NonNullable<LoadedConfig["config"]>,
    facts: Parameters<typeof expand>[1],
    latest: Generation | undefined,
  ): Promise<Expansion> {
    const ids = new Map<string, SecretId>();
    for (const named of secretsOf(config)) ids.set(JSON.stringify(named.ref), await this.#parts.resolveSecret(named));
    const secrets = (ref: SecretRef): SecretId => {
      const id = ids.get(JSON.stringify(ref));
      if (id === undefined) throw new AwgError("bug", "a secret was not resolved before expansion");
      return id;
    };
    const endpoints = endpointsOf(latest?.desired.resources ?? []);
    return expand(config, facts, { pathNumbers: latest?.pathNumbers ?? {}, secrets, endpoints });
  }

  #applyDeps(): ApplyDeps {
    const { host, stores, clock } = this.#parts;
    return { host, registry: driverRegistry, stores, clock };
  }

  /** Towards a generation as it stands in the store; undefined is the state before the first. */
  async #planGeneration(generation: Generation | undefined): Promise<Planned> {
    const { fingerprint } = await this.#parts.host.facts.read({ users: [], hosts: [] });
    const { desired = { resources: [] }, configHash = "", pathNumbers = {} } = generation ?? {};
    const { plan, notes } = await this.#planFor(desired);
    const traffic = trafficSentence(plan);
    return { verb: "apply", plan, desired, configHash, fingerprint, pathNumbers, sources: [], notes, traffic };
  }

  async #planFor(desired: Planned["desired"]) {
    const { host, stores } = this.#parts;
    const ledger = await stores.ledger.read();
    const observed = await observeMachine(host, driverRegistry, desired, ledger);
    const { plan, conflicts, notes } = planChanges({ desired, observed, ledger, registry: driverRegistry });
    if (conflicts.length > 0) {
      const held = conflicts.map(({ key, holder }) => `${key} is held by ${holder}`);
      throw new AwgError("conflict", held.join("; "), {
        facts: { conflicts: held },
        remedy: "remove it, or name another interface or table in the config; nothing was changed",
      });
    }
    return { plan, notes: notes.map(({ key, message }) => ({ path: key, message })) };
  }
}

function ownedResources(observation: Observation): readonly Resource[] {
  const resources: Resource[] = [];
  for (const [kind, byKey] of observation.current) {
    const driver = driverOf(driverRegistry, kind);
    for (const [key, observed] of byKey as ReadonlyMap<ResourceKey, Observed>) {
      const spec = driver.isOwned(observed) ? driver.asSpec(observed) : undefined;
      if (spec !== undefined) resources.push({ kind, key, spec } as Resource);
    }
  }
  return resources;
}
