import { recoverOpenJournal } from "../../src/reconciler/apply/recover.ts";
import {
  change,
  checkDestroyed,
  checkSettled,
  describeResult,
  expectOldOrNew,
  expectSame,
  type Rehearsal,
  type RunOptions,
  rehearse,
  type Story,
} from "./laws.ts";
import { LawError, watchForLeaks } from "./leak-watch.ts";
import { type Checkpoint, type VerbResult, World } from "./world.ts";

/**
 * Has awg die after every single write of a story, each time from the same beginning: another process must find the old
 * state or the new one, or make one of them of what it finds, and then bring the change about. The machine and the disk
 * as the k-th write left them are all that a dead process leaves, so the story is told once and kept at every write.
 */
export async function dieAfterEveryStep(story: Story, options: RunOptions): Promise<void> {
  const rehearsal = await rehearse(story, options);
  if (rehearsal === undefined) return;
  options.tally.add("stories told");
  const left = await everyStateLeft(rehearsal);
  if (left.length !== rehearsal.writes + 1) throw new Error(`${left.length} states of ${rehearsal.writes} writes`);
  options.tally.add("deaths", left.length);
  // What costs as much as all the rest is asked of one death of each story.
  const thorough = rehearsal.oldText.length % left.length;
  const converged = new Set<string>();
  for (const [step, checkpoint] of left.entries()) {
    if (rehearsal.before === null) await goOnBehindPolicy(rehearsal, checkpoint, step, options);
    const world = await comeBack(rehearsal, checkpoint, step, options);
    // From the same state, everything goes the same way.
    const state = JSON.stringify(world.checkpoint());
    if (converged.has(state) && step !== thorough) continue;
    converged.add(state);
    options.tally.add("second rounds");
    await goOn(world, rehearsal, `after a death at write ${step} of ${rehearsal.writes}`);
    if (step !== thorough) continue;
    await checkSettled(world, rehearsal, undefined);
    await checkDestroyed(world, rehearsal);
  }
}

/** What stands before the first write and after each. */
async function everyStateLeft(rehearsal: Rehearsal): Promise<readonly Checkpoint[]> {
  const world = new World(rehearsal.from, rehearsal.makeup);
  const left = [world.checkpoint()];
  world.machine.watch(() => left.push(world.checkpoint()));
  await change(world, rehearsal);
  return left;
}

/** The first round: recovery, as a writing verb does it first. */
async function comeBack(
  rehearsal: Rehearsal,
  checkpoint: Checkpoint,
  step: number,
  { tally, probesPerWrite }: RunOptions,
): Promise<World> {
  const world = new World(checkpoint, rehearsal.makeup);
  watchForLeaks(world, rehearsal, probesPerWrite, step * 1000);
  const recovered = await recoverOpenJournal(world.deps);
  if (world.violation !== undefined) throw world.violation;
  const end = recovered?.kind ?? "nothing to do";
  tally.add(`recovered: ${end}`);
  const where = `after a death at write ${step} of ${rehearsal.writes} recovery ended in ${end}`;
  if (recovered?.kind === "rollbackIncomplete") throw new LawError(5, where);
  expectOldOrNew(world, rehearsal, where);
  return world;
}

/** The next apply after a first one that died: the policy, once it stood, is not to go, whatever the journal is about. */
async function goOnBehindPolicy(
  rehearsal: Rehearsal,
  checkpoint: Checkpoint,
  step: number,
  { tally, probesPerWrite }: RunOptions,
): Promise<void> {
  const world = new World(checkpoint, rehearsal.makeup);
  watchForLeaks(world, rehearsal, probesPerWrite, step * 1000, true);
  const { recovered } = await goOn(world, rehearsal, `going on after a death at write ${step} of ${rehearsal.writes}`);
  if (recovered?.kind === "held") tally.add("went on behind the policy");
}

/** The second round. */
async function goOn(world: World, rehearsal: Rehearsal, where: string): Promise<Extract<VerbResult, { kind: "done" }>> {
  const result = await change(world, rehearsal);
  if (result.kind !== "done" || (result.outcome.kind !== "applied" && result.outcome.kind !== "inSync"))
    throw new LawError(4, `${where} the second round ended in ${describeResult(result)}`);
  expectSame(4, world.machine.print(), rehearsal.newText, where);
  return result;
}
