import { expect } from "vitest";
import type { Session } from "../../lab/judge/session.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { destroyKilledAt, firstApplyKilledAt, judgeWhatStands } from "../crash.ts";
import type { JudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";

/** A system call by name, and which of them. */
type Place = readonly [call: string, n: number];

/**
 * The first apply on a machine without anything of awg's, killed at that call: what stands is judged unless it is the machine
 * as it was. The next apply first restores that machine, which was open, and then succeeds; destroy puts everything back.
 * Gives whether it was killed. The judge is to pause, and pauses at the end.
 */
export async function killFirstApply(
  { world, keys, first }: JudgedWorld,
  session: Session,
  program: string,
  [call, n]: Place,
): Promise<boolean> {
  const before = await machineText(world);
  await using awg = new AwgInWorld(world, keys, program);
  const config = awg.config({ server: first });
  const isKilled = await firstApplyKilledAt(awg, config, call, n);
  await judgeWhatStands(session, world, before);
  session.pauseJudging();
  await awg.apply(config);
  await session.resumeJudging();
  await session.rounds(1);
  session.pauseJudging();
  await awg.must("destroy", "--auto-approve");
  expect(await machineText(world), `after ${call} ${n}`).toEqual(before);
  return isKilled;
}

/**
 * A destroy killed at that call, of a machine that is judged: all of it, unless the kill found the packet filter gone. The
 * next destroy puts everything back as in `before`. Gives whether it was killed. The judge pauses at the end.
 */
export async function killDestroy(
  { world }: JudgedWorld,
  session: Session,
  awg: AwgInWorld,
  [call, n]: Place,
  before: Record<string, string>,
): Promise<boolean> {
  const fromMs = Date.now();
  const isKilled = await destroyKilledAt(awg, call, n);
  if ((await judgeWhatStands(session, world, before)) === "open") session.pauseJudging(fromMs);
  session.pauseJudging();
  await awg.must("destroy", "--auto-approve");
  expect(await machineText(world), `after ${call} ${n}`).toEqual(before);
  return isKilled;
}
