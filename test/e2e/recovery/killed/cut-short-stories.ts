import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Session } from "../../../lab/judge/session.ts";
import type { World } from "../../../lab/world/world.ts";
import type { AwgInWorld } from "../../awg-in-world.ts";
import { machineText, settledMachine } from "../../machine-text.ts";
import { destroyKilledAt, judgeWhatStands, verdictKilledAt } from "./crash.ts";
import type { Place } from "./killed-at.ts";

/** A machine that awg's configuration stands on, which is judged. */
export interface Stood {
  readonly world: World;
  readonly session: Session;
  readonly awg: AwgInWorld;
  readonly config: string;
  /** The machine without awg, and as it stands. */
  readonly before: Record<string, string>;
  readonly stood: Record<string, string>;
}

/** What a kill in a destroy left: nothing of it begun, a part of it done, or all of it. */
export type Left = "whole" | "part" | "gone";

const REVERTED = "Reverted. The state before the change is back.";
const NOTHING_OPEN = "There is no change to undo.";

/**
 * A destroy killed at that call, and `awg revert`: what stood before is back, unless the destroy had come to its end. All of it
 * is judged, except for while the kill has left the machine without a packet filter. The configuration stands at the end, and is judged.
 * Gives what the kill left; undefined where it was not killed.
 */
export async function revertAfterDestroy(machine: Stood, place: Place): Promise<Left | undefined> {
  const { awg, config, session } = machine;
  const { killed, left, isJudged } = await destroyCutShort(machine, place);
  expect(await revertTold(awg, place)).toBe(left === "part" ? REVERTED : NOTHING_OPEN);
  if (left === "gone") await awg.apply(config);
  if (!isJudged) await session.resumeJudging();
  await expectStands(machine, `revert after ${place.join(" ")}`);
  return killed ? left : undefined;
}

/** The same with `awg apply` instead. */
export async function applyAfterDestroy(machine: Stood, place: Place): Promise<Left | undefined> {
  const { awg, config, session } = machine;
  const { killed, left, isJudged } = await destroyCutShort(machine, place);
  await awg.apply(config);
  if (!isJudged) await session.resumeJudging();
  await expectStands(machine, `apply after ${place.join(" ")}`);
  return killed ? left : undefined;
}

/**
 * A destroy killed at `cut`, of which a part must be done, the revert of it killed at that call, and `awg revert` again: what stood
 * before is back. Judged as above. Gives whether the revert was killed.
 */
export async function revertKilledAfterDestroy(machine: Stood, cut: Place, place: Place): Promise<boolean> {
  const { awg, session, world, before } = machine;
  const where = `revert killed at ${place.join(" ")} after ${cut.join(" ")}`;
  const { left, isJudged } = await destroyCutShort(machine, cut);
  expect(left, where).toBe("part");
  const killed = await verdictKilledAt(awg, "revert", ...place);
  const isClosed = isJudged || (await judgeWhatStands(session, world, before)) === "judged";
  await session.rounds(1);
  const reported = await revertTold(awg, place);
  expect([REVERTED, NOTHING_OPEN], where).toContain(reported);
  if (!isClosed) await session.resumeJudging();
  await expectStands(machine, where);
  return killed;
}

async function destroyCutShort(
  { awg, world, session, before, stood }: Stood,
  place: Place,
): Promise<{ readonly killed: boolean; readonly left: Left; readonly isJudged: boolean }> {
  const fromMs = Date.now();
  const killed = await destroyKilledAt(awg, ...place);
  const isJudged = (await judgeWhatStands(session, world, before)) === "judged";
  if (!isJudged) session.pauseJudging(fromMs);
  if (hasOpenDestroy(awg)) return { killed, left: "part", isJudged };
  if (!isJudged) expect(await machineText(world), `after ${place.join(" ")}`).toEqual(before);
  else expect(await settledMachine(world), `after ${place.join(" ")}`).toEqual(stood);
  return { killed, left: isJudged ? "whole" : "gone", isJudged };
}

/** Whether the journal tells of one that was not brought to its end. */
function hasOpenDestroy({ stateDir }: AwgInWorld): boolean {
  const path = join(stateDir, "journal");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return text.includes('"verb":"destroy"') && !text.includes('"type":"accept"');
}

async function revertTold(awg: AwgInWorld, place: Place): Promise<string> {
  const { status, stdout, stderr } = await awg.run("revert");
  expect(status, `revert at ${place.join(" ")}: ${stdout}${stderr}`).toBe(0);
  return stdout.trim();
}

async function expectStands({ awg, world, session, config, stood }: Stood, where: string): Promise<void> {
  await session.rounds(1);
  expect(await settledMachine(world), where).toEqual(stood);
  const diff = await awg.run("diff", "-f", config);
  expect(diff.status, `${where}: ${diff.stdout}${diff.stderr}`).toBe(0);
  expect(hasOpenDestroy(awg), where).toBe(false);
}
