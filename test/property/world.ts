import { besideTunnels } from "../../src/app/install/beside-tunnels.ts";
import { factsWantedBy } from "../../src/app/plan/facts-wanted.ts";
import type { Config } from "../../src/config/config.ts";
import { simulatedHost } from "../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../src/host/simulated/machine.ts";
import type { MachineState } from "../../src/host/simulated/machine-state.ts";
import { AwgError } from "../../src/model/error.ts";
import type { SecretId, SecretRef } from "../../src/model/secret.ts";
import { executePlan } from "../../src/reconciler/apply/execute.ts";
import { observeMachine } from "../../src/reconciler/apply/observe.ts";
import type { ApplyDeps, Confirmation, Outcome, Proposal } from "../../src/reconciler/apply/outcome.ts";
import { type Held, recoverOpenJournal, recoverTowards } from "../../src/reconciler/apply/recover.ts";
import type { Stores } from "../../src/reconciler/journal/stores.ts";
import type { Conflict } from "../../src/reconciler/plan/change.ts";
import { planChanges } from "../../src/reconciler/plan/plan-changes.ts";
import type { DriverRegistry } from "../../src/resources/driver.ts";
import { endpointsOf } from "../../src/resources/expand/expansion.ts";
import { expand, rememberNumbers } from "../../src/resources/expand.ts";
import { driverRegistry } from "../../src/resources/registry.ts";
import { Faults } from "../support/faults.ts";
import { countingClock, type MemoryDisk, memoryDisk, memoryStores } from "../support/memory-stores.ts";

/** Lets the stores share the machine's count of writes, its faults and its crashes: one fault point for everything. */
class MachineFaults extends Faults {
  readonly #machine: SimulatedMachine;

  constructor(machine: SimulatedMachine) {
    super();
    this.#machine = machine;
  }

  override async write<T>(label: string, effect: () => T | Promise<T>): Promise<T> {
    return await this.#machine.perform(`store: ${label}`, effect);
  }

  override alive(label: string): void {
    this.#machine.checkAlive(label);
  }
}

/** What awg is made of in a run; tests of the tests put faulty parts in. */
export interface Makeup {
  readonly registry: DriverRegistry;
  readonly stores?: (stores: Stores) => Stores;
}

/** awg as it is. */
export const AWG: Makeup = { registry: driverRegistry };

/** Everything that outlives a process, to come back to. */
export interface Checkpoint {
  readonly machine: MachineState;
  readonly disk: MemoryDisk;
}

/** What an open journal came to before a verb did what it is for. */
type Recovered = Outcome | Held | undefined;

/** How a verb ended. `recovered` is what it had to do first about an open journal. */
export type VerbResult =
  | { readonly kind: "done"; readonly outcome: Outcome; readonly recovered: Recovered }
  | { readonly kind: "conflict"; readonly conflicts: readonly Conflict[]; readonly recovered: Recovered }
  | { readonly kind: "unsupported"; readonly features: readonly string[] }
  /** It threw: it could not even begin. */
  | { readonly kind: "failed"; readonly error: AwgError }
  | { readonly kind: "stuck"; readonly recovered: Outcome };

/** One simulated machine with awg on it: the real expansion, planner, executor and drivers over memory. */
export class World {
  readonly machine: SimulatedMachine;
  readonly disk: MemoryDisk;
  readonly deps: ApplyDeps;
  /** The first law a watch saw broken. Kept here because what it throws, the executor would take for a failed write. */
  violation: Error | undefined;

  constructor({ machine, disk }: Checkpoint, { registry, stores = (same) => same }: Makeup = AWG) {
    this.machine = new SimulatedMachine(machine);
    this.disk = copyDisk(disk);
    this.deps = {
      host: simulatedHost(this.machine),
      registry,
      stores: stores(memoryStores(this.disk, new MachineFaults(this.machine))),
      clock: countingClock(),
    };
  }

  static fresh(machine: MachineState, makeup: Makeup = AWG): World {
    return new World({ machine, disk: memoryDisk() }, makeup);
  }

  checkpoint(): Checkpoint {
    return { machine: this.machine.snapshot(), disk: copyDisk(this.disk) };
  }

  /** What `awg apply` does, from a configuration to its end. Throws CrashError when the process dies on the way. */
  async apply(config: Config, confirmation?: Confirmation): Promise<VerbResult> {
    return await orFailed(() => this.#apply(config, confirmation));
  }

  /** What `awg rollback N` does; the generation must be kept. */
  async rollback(number: number): Promise<VerbResult> {
    return await orFailed(async () => {
      const recovered = await recoverOpenJournal(this.deps);
      if (recovered?.kind === "rollbackIncomplete") return { kind: "stuck", recovered };
      const generation = await this.deps.stores.generations.read(number);
      if (generation === undefined) throw new Error(`generation ${number} is not kept`);
      const { desired, configHash } = generation;
      const latest = await this.deps.stores.generations.latest();
      const pathNumbers = rememberNumbers(latest?.pathNumbers ?? {}, generation.pathNumbers);
      return await this.#execute({ verb: "apply", desired, configHash, pathNumbers }, recovered);
    });
  }

  /** What `awg destroy` does. */
  async destroy(): Promise<VerbResult> {
    return await orFailed(() => this.#destroy());
  }

  async #apply(config: Config, confirmation: Confirmation | undefined): Promise<VerbResult> {
    const facts = await this.deps.host.facts.read(factsWantedBy(config));
    const latest = await this.deps.stores.generations.latest();
    const endpoints = endpointsOf(latest?.desired.resources ?? []);
    const expansion = expand(config, facts, {
      pathNumbers: latest?.pathNumbers ?? {},
      endpoints,
      secrets: secretIdOf,
      beside: await besideTunnels(this.deps.host, config),
    });
    if (expansion.unsupported.length > 0) {
      return { kind: "unsupported", features: expansion.unsupported.map(({ path, message }) => `${path}: ${message}`) };
    }
    const { desired, pathNumbers } = expansion;
    const proposal: Proposal = { verb: "apply", desired, configHash: JSON.stringify(config), pathNumbers };
    const recovered = await recoverTowards(this.deps, proposal);
    if (recovered?.kind === "rollbackIncomplete") return { kind: "stuck", recovered };
    return await this.#execute(proposal, recovered, confirmation);
  }

  async #destroy(): Promise<VerbResult> {
    const recovered = await recoverOpenJournal(this.deps);
    if (recovered?.kind === "rollbackIncomplete") return { kind: "stuck", recovered };
    const pathNumbers = (await this.deps.stores.generations.latest())?.pathNumbers ?? {};
    return await this.#execute({ verb: "destroy", desired: { resources: [] }, configHash: "", pathNumbers }, recovered);
  }

  async #execute(proposal: Proposal, recovered: Recovered, confirmation?: Confirmation): Promise<VerbResult> {
    const { host, registry, stores } = this.deps;
    const ledger = await stores.ledger.read();
    const observed = await observeMachine(host, registry, proposal.desired, ledger);
    const { plan, conflicts } = planChanges({ desired: proposal.desired, observed, ledger, registry });
    if (conflicts.length > 0) return { kind: "conflict", conflicts, recovered };
    const deps = confirmation === undefined ? this.deps : { ...this.deps, confirmation };
    const firstIndex = recovered?.kind === "held" ? recovered.firstIndex : 0;
    return { kind: "done", outcome: await executePlan(deps, proposal, plan, firstIndex), recovered };
  }
}

/** What stands on a disk is replaced, never changed in place. */
function copyDisk(disk: MemoryDisk): MemoryDisk {
  return { ...disk, journal: [...disk.journal], generations: [...disk.generations], log: [] };
}

async function orFailed(run: () => Promise<VerbResult>): Promise<VerbResult> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof AwgError) return { kind: "failed", error };
    throw error;
  }
}

/** A stand-in of 64 hexadecimal digits, the same for the same reference. */
function secretIdOf(ref: SecretRef): SecretId {
  const text = JSON.stringify(ref);
  let digits = "";
  for (let index = 0; digits.length < 64; index += 1) {
    digits += (text.charCodeAt(index % text.length) + index).toString(16).padStart(2, "0");
  }
  return digits.slice(0, 64) as SecretId;
}
