import { canonicalJson } from "../../src/model/canonical.ts";
import type { DesiredState } from "../../src/model/resources/desired-state.ts";
import { executePlan } from "../../src/reconciler/apply/execute.ts";
import { observeMachine } from "../../src/reconciler/apply/observe.ts";
import type { ApplyDeps, Outcome } from "../../src/reconciler/apply/outcome.ts";
import { type PlanResult, planChanges } from "../../src/reconciler/plan/plan-changes.ts";
import { Faults } from "../support/faults.ts";
import { countingClock, type MemoryDisk, memoryDisk, memoryStores } from "../support/memory-stores.ts";
import { FakeMachine, fakeRegistry } from "./fake-machine.ts";
import { allowedBy } from "./scenarios.ts";

/** A fake machine with its disk. */
export interface Bench {
  readonly machine: FakeMachine;
  readonly disk: MemoryDisk;
}

/** A machine as found: foreign values where awg will write settings, and somebody else's device. */
export function freshBench(): Bench {
  const machine = new FakeMachine();
  const values = { "net.ipv4.conf.all.arp_ignore": "0", "net.ipv4.conf.all.rp_filter": "1" };
  machine.set({ kind: "sysctl", key: "sysctl/machine", spec: { values }, owned: false });
  const foreign = { device: "eth0", type: "tun", addresses: [], mtuBytes: 1500, tunnel: "" } as const;
  machine.set({ kind: "link", key: "link/eth0", spec: foreign, owned: false });
  return { machine, disk: memoryDisk() };
}

export function copyBench({ machine, disk }: Bench): Bench {
  const copy = new FakeMachine();
  for (const [place, thing] of machine.places) copy.places.set(place, structuredClone(thing));
  return { machine: copy, disk: structuredClone(disk) };
}

/** Dependencies of a run on a bench; the faults count writes of the machine and of the stores alike. */
export function depsOf(
  { machine, disk }: Bench,
  faults: Faults = new Faults(),
  more: Partial<ApplyDeps> = {},
): ApplyDeps {
  machine.faults = faults;
  return {
    host: machine.host(),
    registry: fakeRegistry(machine),
    stores: memoryStores(disk, faults),
    clock: countingClock(),
    ...more,
  };
}

export async function planOn(deps: ApplyDeps, desired: DesiredState): Promise<PlanResult> {
  const ledger = await deps.stores.ledger.read();
  const observed = await observeMachine(deps.host, deps.registry, desired, ledger);
  return planChanges({ desired, observed, ledger, registry: deps.registry });
}

/** Plans and applies; with `firstIndex` in the journal that is open. */
export async function applyOn(deps: ApplyDeps, desired: DesiredState, firstIndex = 0): Promise<Outcome> {
  const { plan, conflicts } = await planOn(deps, desired);
  if (conflicts.length > 0) throw new Error(`conflicts: ${canonicalJson(conflicts)}`);
  const verb = desired.resources.length === 0 ? "destroy" : "apply";
  const proposal = { verb, desired, configHash: canonicalJson(desired), pathNumbers: {} } as const;
  return await executePlan(deps, proposal, plan, firstIndex);
}

/** A bench on which `desired` was applied without trouble. */
export async function benchWith(desired: DesiredState): Promise<Bench> {
  const bench = freshBench();
  if (desired.resources.length > 0) await applyOn(depsOf(bench), desired);
  bench.machine.log.length = 0;
  bench.disk.log.length = 0;
  return bench;
}

/**
 * Law 1 on the fake machine: while anything but the policy is written, the loaded policy allows nothing that the old or
 * the new state forbids.
 */
export function guardPolicy(machine: FakeMachine, states: readonly DesiredState[]): void {
  const limits = states.map((state) => {
    const found = state.resources.find((resource) => resource.kind === "firewall");
    return allowedBy(found === undefined ? null : found.spec);
  });
  machine.onWrite = (_machine, kind) => {
    if (kind === "firewall") return;
    const allowed = allowedBy(machine.policy());
    for (const limit of limits) {
      if (limit === undefined) continue;
      if (allowed === undefined || !allowed.isSubsetOf(limit)) {
        throw new LeakError(
          `a ${kind} was written while the policy allowed ${allowed === undefined ? "all" : [...allowed]}`,
        );
      }
    }
  };
}

/** A test's own finding, told apart from injected faults; the executor catches it like any error, so it is kept. */
export class LeakError extends Error {
  static readonly seen: string[] = [];

  constructor(message: string) {
    super(message);
    LeakError.seen.push(message);
  }
}
