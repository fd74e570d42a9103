import type { ForeignAct } from "../../src/host/simulated/faults.ts";
import { SimulatedMachine } from "../../src/host/simulated/machine.ts";
import { type RelativeFault, scheduled } from "./fault-arbitrary.ts";
import { change, describeResult, expectClean, type Rehearsal, type RunOptions, untilCrash } from "./laws.ts";
import { checkPaths, LawError, watchForLeaks } from "./leak-watch.ts";
import { type VerbResult, World } from "./world.ts";

const TRIES = 3;

/**
 * Plays a story while others meddle: during the change, and again after it (drift). In the end it must converge (law 4),
 * be at rest (law 3), work, and leave exactly what the others left (law 6). A twin machine, on which awg never was, suffers
 * the same acts and tells how that is.
 */
export async function playWithForeign(
  rehearsal: Rehearsal,
  during: readonly RelativeFault[],
  afterwards: readonly ForeignAct[],
  { tally, probesPerWrite }: RunOptions,
): Promise<void> {
  const world = new World(rehearsal.from, rehearsal.makeup);
  const { machine } = world;
  const twin = new SimulatedMachine(rehearsal.start.clean);
  machine.schedule(during.map((fault) => scheduled(fault, rehearsal.writes)));
  watchForLeaks(world, rehearsal, probesPerWrite, rehearsal.writes * 100);
  const result = await untilCrash(world, () => change(world, rehearsal));
  machine.schedule([]);
  tally.add("runs");
  if (machine.fired.length > 0) tally.add("runs with a fault");
  tally.add(`foreign, ended in ${outcomeOf(result)}`);
  for (const { fault } of machine.fired) if (fault.kind === "foreign") countAct(fault.act);
  await converge(world, rehearsal);
  for (const act of afterwards) {
    machine.act(act);
    countAct(act);
  }
  await converge(world, rehearsal);
  const { policy, held } = machine.live.firewall;
  const isHoldable = machine.live.capabilities.ownedTables;
  if (policy !== null && isHoldable && !held) throw new LawError(4, "nobody holds the packet filter");
  if (rehearsal.after !== null) checkPaths(world, rehearsal.after, 40, rehearsal.writes * 40);
  const writes = machine.writes.length;
  await change(world, rehearsal);
  const extra = machine.writes.slice(writes);
  if (extra.length > 0) throw new LawError(3, `at rest it still wrote ${extra.join(", ")}`);
  machine.watch(undefined);
  const destroyed = await world.destroy();
  if (destroyed.kind !== "done") throw new LawError(6, `destroy ended in ${describeResult(destroyed)}`);
  const when = `destroyed after ${JSON.stringify([during, afterwards])}`;
  expectClean(machine.print(), twin.print(), rehearsal.amnesia, when);

  function countAct(act: ForeignAct): void {
    twin.act(act);
    tally.add(`act ${act.act}`);
  }
}

async function converge(world: World, rehearsal: Rehearsal): Promise<void> {
  let result: VerbResult | undefined;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    result = await change(world, rehearsal);
    if (["applied", "inSync"].includes(outcomeOf(result))) return;
  }
  throw new LawError(4, `it does not converge: ${result === undefined ? "" : describeResult(result)}`);
}

function outcomeOf(result: VerbResult | undefined): string {
  if (result === undefined) return "crash";
  return result.kind === "done" ? result.outcome.kind : result.kind;
}
