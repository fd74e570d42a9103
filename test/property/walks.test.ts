import fc from "fast-check";
import { expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { CrashError } from "../../src/host/simulated/faults.ts";
import { confirmTransaction, revertTransaction } from "../../src/reconciler/apply/confirm.ts";
import { recoverOpenJournal } from "../../src/reconciler/apply/recover.ts";
import { configArbitrary } from "./config-arbitrary.ts";
import { machineArbitrary } from "./machine-arbitrary.ts";
import { SEED } from "./seed.ts";
import { Tally } from "./tally.ts";
import { type VerbResult, World } from "./world.ts";

const WALKS = 100;
const ends = ["confirm", "revert", "expire"] as const;

/** One step of a walk through time. */
type Step =
  | { readonly verb: "apply"; readonly config: Config }
  | { readonly verb: "crash"; readonly config: Config; readonly at: number }
  | { readonly verb: "trial"; readonly config: Config; readonly end: (typeof ends)[number] }
  | { readonly verb: "rollback"; readonly choice: number }
  | { readonly verb: "destroy" };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ verb: fc.constant("apply" as const), config: configArbitrary }),
  },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant("crash" as const), config: configArbitrary, at: fc.nat(40) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant("trial" as const),
      config: configArbitrary,
      end: fc.constantFrom(...ends),
    }),
  },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant("rollback" as const), choice: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.constant({ verb: "destroy" as const }) },
);

/** A machine on its way through generations, with what each of them looked like when it was accepted. */
class Walk {
  world: World;
  readonly #texts = new Map<number, string>();
  readonly #tally: Tally;

  constructor(world: World, tally: Tally) {
    this.world = world;
    this.#tally = tally;
    this.#texts.set(0, world.machine.print());
  }

  async take(step: Step): Promise<void> {
    const before = this.world.machine.print();
    const held = await this.#held();
    if (step.verb === "apply") return this.#settle(await this.world.apply(step.config), before, "apply");
    if (step.verb === "destroy") {
      await this.#settle(await this.world.destroy(), before, "destroy");
      expect(this.world.machine.print(), "destroyed").toBe(this.#texts.get(0));
      return;
    }
    if (step.verb === "rollback") return this.#rollback(step.choice, before);
    if (step.verb === "trial") return this.#trial(step, before, held);
    return this.#crash(step, before);
  }

  /** Back to a generation looks exactly as that generation did. */
  async #rollback(choice: number, before: string): Promise<void> {
    const numbers = await this.world.deps.stores.generations.numbers();
    const number = numbers[choice % Math.max(1, numbers.length)];
    if (number === undefined) return;
    await this.#settle(await this.world.rollback(number), before, "rollback");
    const wanted = this.#texts.get(number);
    if (wanted !== undefined) expect(this.world.machine.print(), `rolled back to ${number}`).toBe(wanted);
  }

  async #trial(step: Extract<Step, { verb: "trial" }>, before: string, held: number): Promise<void> {
    const { deps } = this.world;
    const result = await this.world.apply(step.config, { withinMs: 1000, arm: async () => {} });
    if (result.kind !== "done" || result.outcome.kind !== "unconfirmed") return this.#settle(result, before, "trial");
    this.#tally.add(`trial ${step.end}`);
    const proposed = this.world.machine.print();
    if (step.end === "confirm") {
      this.#texts.set(await confirmTransaction(deps, undefined), proposed);
      return;
    }
    if (step.end === "revert") await revertTransaction(deps, false);
    else {
      await deps.clock.sleep(1001);
      await revertTransaction(deps, true);
    }
    expect(this.world.machine.print(), step.end).toBe(before);
    expect(await this.#held(), step.end).toBe(held);
  }

  /** The process dies; the next one finds exactly the old state or finishes the new one. */
  async #crash(step: Extract<Step, { verb: "crash" }>, before: string): Promise<void> {
    this.world.machine.schedule([{ at: step.at + 1, fault: { kind: "crash-before" } }]);
    const result = await this.world.apply(step.config).catch(deathOf);
    if (result !== undefined && !this.#isDead()) {
      this.world.machine.schedule([]);
      return this.#settle(result, before, "apply");
    }
    this.#tally.add("crash");
    this.world = new World(this.world.checkpoint());
    const outcome = await recoverOpenJournal(this.world.deps);
    const text = this.world.machine.print();
    if (outcome?.kind === "applied") this.#texts.set(outcome.generation, text);
    else expect(text, "after a crash").toBe(before);
  }

  /** Whoever ran the verb may have taken its own death for a failure, and told so. */
  #isDead(): boolean {
    try {
      this.world.machine.checkAlive("a look");
      return false;
    } catch (error) {
      return deathOf(error) === undefined;
    }
  }

  async #settle(result: VerbResult, before: string, verb: string): Promise<void> {
    this.#tally.add(result.kind === "done" ? `${verb} ${result.outcome.kind}` : `${verb} ${result.kind}`);
    const text = this.world.machine.print();
    if (result.kind === "done" && (result.outcome.kind === "applied" || result.outcome.kind === "inSync"))
      this.#texts.set(result.outcome.generation, text);
    else expect(text, `${verb} that was refused`).toBe(before);
  }

  async #held(): Promise<number> {
    return (await this.world.deps.stores.ledger.read()).generation;
  }
}

test("laws 5, 6: 100 walks of applies, rollbacks, trials, destroys and crashes end where they began", {
  timeout: 120_000,
}, async () => {
  const tally = new Tally();
  const steps = fc.array(stepArbitrary, { minLength: 4, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(machineArbitrary, steps, async (start, walked) => {
      const walk = new Walk(World.fresh(start.clean), tally);
      for (const step of walked) await walk.take(step);
      await walk.take({ verb: "destroy" });
    }),
    { seed: SEED, numRuns: WALKS },
  );
  console.log(`seed ${SEED}\n${tally.print()}`);
  for (const name of ["apply applied", "rollback applied", "trial confirm", "trial revert", "trial expire", "crash"])
    expect(tally.get(name), name).toBeGreaterThan(10);
});

/** undefined for the death of the simulated process; any other error is thrown on. */
function deathOf(error: unknown): undefined {
  if (!(error instanceof CrashError)) throw error;
}
