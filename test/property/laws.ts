import type { Config } from "../../src/config/config.ts";
import { CrashError, type ScheduledFault } from "../../src/host/simulated/faults.ts";
import { AwgError } from "../../src/model/error.ts";
import type { Outcome } from "../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal } from "../../src/reconciler/apply/recover.ts";
import { memoryDisk } from "../support/memory-stores.ts";
import type { RelativeFault } from "./fault-arbitrary.ts";
import { scheduled } from "./fault-arbitrary.ts";
import { checkPaths, LawError, type Transition, watchForLeaks } from "./leak-watch.ts";
import type { StartingMachine } from "./machine-arbitrary.ts";
import type { Tally } from "./tally.ts";
import { type Checkpoint, type Makeup, type VerbResult, World } from "./world.ts";

/** A change of configuration on some machine; null means nothing of awg: a first apply, or a destroy. */
export interface Story extends Transition {
  readonly start: StartingMachine;
  /** What awg had written down of `before` is lost: it finds its own things by their marks alone. */
  readonly amnesia: boolean;
}

/** A story as it goes when nothing goes wrong, and what there is to compare with when something does. */
export interface Rehearsal extends Story {
  readonly from: Checkpoint;
  readonly oldText: string;
  readonly newText: string;
  /** How many writes the change takes, those to the stores included. */
  readonly writes: number;
  readonly makeup: Makeup;
}

export interface RunOptions {
  readonly makeup: Makeup;
  readonly tally: Tally;
  readonly probesPerWrite: number;
}

/**
 * Plays a story without faults, with laws 1, 3 and 6 held to it. undefined when it cannot be told: the machine refuses it
 * as a conflict (and is then untouched), or this version does not support it.
 */
export async function rehearse(story: Story, options: RunOptions): Promise<Rehearsal | undefined> {
  const { makeup, tally } = options;
  const world = World.fresh(story.start.state, makeup);
  if (story.before !== null && !(await playApply(world, story.before, tally))) return undefined;
  if (story.amnesia) Object.assign(world.disk, memoryDisk());
  const from = world.checkpoint();
  const oldText = world.machine.print();
  const played = new World(from, makeup);
  countSteps(played, tally);
  watchForLeaks(played, story, options.probesPerWrite, story.start.traits.length * 1000);
  if (!(await playChange(played, story, tally))) return undefined;
  const writes = played.machine.writes.length;
  await checkSettled(played, story, options);
  const newText = played.machine.print();
  if (story.after !== null) checkPaths(played, story.after, 60, writes * 60);
  await checkDestroyed(played, story);
  return { ...story, from, oldText, newText, writes, makeup };
}

/** Plays the story again with one fault of the process or the machine, maybe with a second one during recovery. */
export async function playWithFault(
  rehearsal: Rehearsal,
  fault: RelativeFault,
  again: RelativeFault | undefined,
  options: RunOptions,
): Promise<void> {
  await playWithFaultAt(rehearsal, scheduled(fault, rehearsal.writes), again, options);
}

/** The same with the fault at a certain write. */
export async function playWithFaultAt(
  rehearsal: Rehearsal,
  first: ScheduledFault,
  again: RelativeFault | undefined,
  { tally, probesPerWrite }: RunOptions,
): Promise<void> {
  const world = new World(rehearsal.from, rehearsal.makeup);
  world.machine.schedule([first]);
  watchForLeaks(world, rehearsal, probesPerWrite, first.at * 1000);
  const result = await untilCrash(world, () => change(world, rehearsal));
  tally.add("runs");
  if (world.machine.fired.length > 0) tally.add("runs with a fault");
  tally.add(`fault ${first.fault.kind}`, world.machine.fired.length);
  if (result === undefined) await recoverFromCrash(world, rehearsal, again, tally);
  else checkOutcome(world, rehearsal, result, tally);
  world.machine.schedule([]);
  await checkConverges(world, rehearsal);
}

async function recoverFromCrash(
  world: World,
  rehearsal: Rehearsal,
  again: RelativeFault | undefined,
  tally: Tally,
): Promise<void> {
  world.machine.restart();
  world.machine.schedule(again === undefined ? [] : [scheduled(again, Math.ceil(rehearsal.writes / 2))]);
  const before = world.machine.fired.length;
  const interrupted = await untilCrash(world, () => tryRecovery(world));
  if (world.machine.fired.length > before) tally.add("faults during recovery");
  world.machine.restart();
  world.machine.schedule([]);
  if (interrupted !== undefined && interrupted !== "failed" && interrupted.outcome?.kind !== "rollbackIncomplete") {
    const end = interrupted.outcome?.kind ?? "nothing to do";
    expectOldOrNew(world, rehearsal, `recovery ended in ${end}`);
    tally.add(`recovered: ${end}`);
    return;
  }
  const second = await recoverOpenJournal(world.deps);
  tally.add(`recovered at the second try: ${second?.kind ?? "nothing to do"}`);
  expectOldOrNew(world, rehearsal, `the second recovery ended in ${second?.kind ?? "nothing to do"}`);
}

/** Recovery as a writing verb does it first; a failure before it could begin leaves the journal open, as any crash does. */
async function tryRecovery(world: World): Promise<{ outcome: Outcome | undefined } | "failed"> {
  try {
    return { outcome: await recoverOpenJournal(world.deps) };
  } catch (error) {
    if (error instanceof AwgError) return "failed";
    throw error;
  }
}

/** Law 5: what the outcome says is what stands there; and it says what failed. */
function checkOutcome(world: World, rehearsal: Rehearsal, result: VerbResult, tally: Tally): void {
  for (const { fault } of world.machine.fired) if (fault.kind === "fail") checkTold(result, fault.errno);
  if (result.kind === "failed") {
    tally.add("outcome: failed before it began");
    expectSame(5, world.machine.print(), rehearsal.oldText, "failed before it began");
    return;
  }
  if (result.kind !== "done") throw new LawError(5, `a fault turned the change into "${result.kind}"`);
  const { outcome } = result;
  tally.add(`outcome: ${outcome.kind}`);
  const text = world.machine.print();
  if (outcome.kind === "applied" || outcome.kind === "inSync" || outcome.kind === "unconfirmed") {
    expectSame(5, text, rehearsal.newText, "applied");
  } else if (outcome.kind === "rolledBack") {
    expectSame(5, text, rehearsal.oldText, "rolled back");
  } else if (outcome.blocked && world.machine.live.firewall.policy === null) {
    throw new LawError(5, "it says it blocks and does not");
  } else if (!holdsWhatIsLeft(world, rehearsal, text)) {
    throw new LawError(5, `the way back failed and nothing blocks what is left: ${describeResult(outcome)}`);
  }
}

/** B4: whoever reads the outcome learns which call on which thing was refused, and the errno; or nothing was lost by it. */
function checkTold(result: VerbResult, errno = ""): void {
  const reported = describeResult(result);
  const isWhole = result.kind === "done" && /^(applied|inSync)$/.test(result.outcome.kind);
  if (isWhole && !reported.includes("unaccepted")) return;
  const [, call, subject = ""] = /refused ((?:store: )?[\w.]+(?: \w+)?)(?: of ([^("]+))?(?: \(|")/.exec(reported) ?? [];
  const isNamed = call !== undefined && (subject !== "" || !/^(?:link|engine|route|rule|sysctl)\./.test(call));
  if (!isNamed || !reported.includes(errno))
    throw new LawError(4, `it does not say what failed with ${errno}: ${reported}`);
}

/** Neither old nor new, but closed; where neither had a policy there is nothing to close. */
function holdsWhatIsLeft(world: World, { before, after, oldText, newText }: Rehearsal, text: string): boolean {
  if (world.machine.live.firewall.policy !== null || (before === null && after === null)) return true;
  return text === oldText || text === newText;
}

/** Law 5, for a machine that came back from a death. */
export function expectOldOrNew(world: World, { oldText, newText }: Rehearsal, when: string): void {
  const text = withoutSaved(world.machine.print());
  if (text !== withoutSaved(oldText) && text !== withoutSaved(newText)) {
    throw new LawError(5, `neither old nor new, ${when}:\n${difference(oldText, text)}`);
  }
}

/** What the resolver's port put aside for itself may lie there longer than it is needed. */
function withoutSaved(text: string): string {
  return text.replaceAll(/^resolver saved .*\n/gm, "");
}

/** Laws 4, 3 and 6 after everything has calmed down: the change goes through, again changes nothing, destroy cleans up. */
async function checkConverges(world: World, rehearsal: Rehearsal): Promise<void> {
  const result = await change(world, rehearsal);
  const isDone = result.kind === "done" && (result.outcome.kind === "applied" || result.outcome.kind === "inSync");
  if (!isDone) throw new LawError(4, `it does not converge: ${describeResult(result)}`);
  expectSame(4, world.machine.print(), rehearsal.newText, "converged");
  await checkSettled(world, rehearsal, undefined);
  await checkDestroyed(world, rehearsal);
}

/** Law 3: once more makes no write at all. */
export async function checkSettled(world: World, story: Story, options: RunOptions | undefined): Promise<void> {
  const writes = world.machine.writes.length;
  const result = await change(world, story);
  const extra = world.machine.writes.slice(writes);
  if (extra.length > 0)
    throw new LawError(3, `a second run wrote ${extra.join(", ")} and ended in ${describeResult(result)}`);
  options?.tally.add("law 3 checks");
}

/** Law 6: after destroy the machine is as if awg had never been there. */
export async function checkDestroyed(world: World, { start, after, amnesia }: Story): Promise<void> {
  world.machine.watch(undefined);
  if (after !== null) {
    const result = await world.destroy();
    if (result.kind !== "done") throw new LawError(6, `destroy ended in ${describeResult(result)}`);
  }
  expectClean(world.machine.print(), World.fresh(start.clean).machine.print(), amnesia, "destroyed");
}

/** Demands that nothing of awg is left. */
export function expectClean(text: string, clean: string, amnesia: boolean, when: string): void {
  if (amnesia) expectSame(6, withoutSettings(text), withoutSettings(clean), `${when} without a ledger`);
  else expectSame(6, text, clean, when);
}

/** Kernel settings carry no mark: whoever lost the ledger cannot know what they were. */
function withoutSettings(text: string): string {
  return text.replaceAll(/^sysctl .*\n/gm, "");
}

/** Carries the story's change out: an apply, or a destroy. */
export async function change(world: World, story: Transition): Promise<VerbResult> {
  const result = story.after === null ? await world.destroy() : await world.apply(story.after);
  if (world.violation !== undefined) throw world.violation;
  return result;
}

async function playApply(world: World, config: Config, tally: Tally): Promise<boolean> {
  return await playChange(world, { before: null, after: config }, tally);
}

async function playChange(world: World, story: Transition, tally: Tally): Promise<boolean> {
  const text = world.machine.print();
  const result = await change(world, story);
  if (result.kind === "done") {
    if (result.outcome.kind === "applied" || result.outcome.kind === "inSync") return true;
    throw new LawError(4, `without any fault it ended in ${describeResult(result)}`);
  }
  tally.add(`not reported: ${result.kind}`);
  if (world.machine.writes.some((write) => !write.startsWith("store:")) && story.before === null) {
    expectSame(6, world.machine.print(), text, `refused (${result.kind})`);
  }
  return false;
}

function countSteps(world: World, tally: Tally): void {
  Object.assign(world.deps, {
    progress: (event: { type: string; batch?: { steps: readonly { kind: string; action: string }[] } }) => {
      if (event.type !== "batch-start") return;
      for (const { kind, action } of event.batch?.steps ?? []) tally.add(`step ${kind} ${action}`);
    },
  });
}

/** The result, or undefined when the process died: then whatever it returned came from a dead process and counts not. */
export async function untilCrash<T>(world: World, run: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await run();
    if (!world.machine.isDead) return result;
  } catch (error) {
    if (!(error instanceof CrashError)) throw error;
  }
  if (world.violation !== undefined) throw world.violation;
  return undefined;
}

/** Demands that two machines are the same, as texts. */
export function expectSame(law: number, text: string, wanted: string, when: string): void {
  if (text !== wanted) throw new LawError(law, `${when}, but\n${difference(wanted, text)}`);
}

/** Lines that are in one text only. */
export function difference(wanted: string, text: string): string {
  const [expected, found] = [wanted.split("\n"), text.split("\n")];
  return [
    ...expected.filter((line) => !found.includes(line)).map((line) => `- ${line}`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `+ ${line}`),
  ].join("\n");
}

/** For messages. */
export function describeResult(result: VerbResult | Outcome): string {
  return JSON.stringify(result, (_key, value: unknown) =>
    value instanceof Error ? `${value.name}: ${value.message}` : value,
  );
}
