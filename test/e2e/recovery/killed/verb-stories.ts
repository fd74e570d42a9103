import { expect } from "vitest";
import type { Session } from "../../../lab/judge/session.ts";
import { AwgInWorld } from "../../awg-in-world.ts";
import type { JudgedWorld } from "../../judged-world.ts";
import { machineText } from "../../machine-text.ts";
import { destroyKilledAt, firstApplyKilledAt, judgeWhatStands } from "./crash.ts";
import type { Place } from "./killed-at.ts";

/** What became of a first apply: whether it was killed, and whether its packet filter stood then. */
export interface KilledFirst {
  readonly killed: boolean;
  readonly stood: boolean;
}

/**
 * The first apply on a machine without anything of awg's, killed at that call: from then on what stands is judged, the next
 * apply included, unless it is the machine as it was; then from the next apply's end on. Destroy puts everything back. The
 * judge is to pause, and pauses at the end.
 */
export async function killFirstApply(
  { world, keys, first }: JudgedWorld,
  session: Session,
  program: string,
  [call, n]: Place,
): Promise<KilledFirst> {
  const before = await machineText(world);
  await using awg = new AwgInWorld(world, keys, program);
  const config = awg.config({ server: first });
  const killed = await firstApplyKilledAt(awg, config, call, n);
  const stood = (await judgeWhatStands(session, world, before)) === "judged";
  await awg.apply(config);
  if (!stood) await session.resumeJudging();
  await session.rounds(1);
  session.pauseJudging();
  await awg.must("destroy", "--auto-approve");
  expect(await machineText(world), `after ${call} ${n}`).toEqual(before);
  return { killed, stood };
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
