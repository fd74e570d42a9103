import { expect } from "vitest";
import type { Session } from "../../../lab/judge/session.ts";
import { AwgInWorld, type Wish } from "../../awg-in-world.ts";
import type { JudgedWorld } from "../../judged-world.ts";
import { machineText } from "../../machine-text.ts";
import { judgeWhatStands } from "./crash.ts";
import { type Place, startKeeper, withKeeperKilledAt } from "./killed-keeper.ts";

/** Another server and another engine, so that device, engine and policy are made anew. */
export function twoWishes({ first, second }: JudgedWorld): readonly [Wish, Wish] {
  return [
    { server: first, engine: "userspace" },
    { server: second, engine: "embedded" },
  ];
}

/** A change during which the keeper dies, a look at what is let through, and the same change again. Gives whether it died. */
export async function changeKilledAt(awg: AwgInWorld, session: Session, wish: Wish, place: Place): Promise<boolean> {
  const config = awg.config(wish);
  const died = await withKeeperKilledAt(awg, place, () => awg.run("apply", "-f", config, "--auto-approve"));
  await session.rounds(1);
  await awg.apply(config);
  await expectInSync(awg, config, place);
  return died;
}

/**
 * The first apply on a machine without anything of awg's, during which the keeper dies; what stands then is the old state,
 * or is judged, the next apply included, which succeeds; destroy puts the machine back. Gives whether it died. `judged` is
 * asked to be paused, and is so at the end.
 */
export async function firstApplyKilledAt(
  { world, keys, first }: JudgedWorld,
  session: Session,
  program: string,
  place: Place,
): Promise<boolean> {
  const before = await machineText(world);
  await using awg = new AwgInWorld(world, keys, program);
  const config = awg.config({ server: first, engine: "embedded" });
  using _held = await startKeeper(awg);
  const died = await withKeeperKilledAt(awg, place, () => awg.run("apply", "-f", config, "--auto-approve"));
  const stands = await judgeWhatStands(session, world, before);
  await awg.apply(config);
  if (stands === "open") await session.resumeJudging();
  await expectInSync(awg, config, place);
  session.pauseJudging();
  await awg.must("destroy", "--auto-approve");
  expect(await machineText(world), `after ${place.call} ${place.n}`).toEqual(before);
  return died;
}

async function expectInSync(awg: AwgInWorld, config: string, { call, n }: Place): Promise<void> {
  const diff = await awg.run("diff", "-f", config);
  expect(diff.status, `after ${call} ${n}: ${diff.stdout}${diff.stderr}`).toBe(0);
}
