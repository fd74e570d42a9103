import { expect } from "vitest";
import type { Session } from "../../../lab/judge/session.ts";
import type { AwgInWorld } from "../../awg-in-world.ts";
import type { JudgedWorld } from "../../judged-world.ts";
import { Waiting } from "../../waiting.ts";
import {
  applyKilledAt,
  crashCalls,
  firstCrashCalls,
  firstPlaceOf,
  firstPlaceOfFirstApply,
  generationBefore,
  rollbackKilledAt,
  stateCalls,
  verdictKilledAt,
} from "./crash.ts";
import { changeKilledAt, firstApplyKilledAt, twoWishes } from "./keeper-stories.ts";
import type { Place } from "./killed-at.ts";
import { type Place as KeeperPlace, keeperCalls } from "./killed-keeper.ts";
import { type KilledFirst, killDestroy, killFirstApply } from "./verb-stories.ts";

/** A judged machine on which the first server's configuration is applied. */
export interface Stage {
  readonly judged: JudgedWorld;
  readonly program: string;
  readonly awg: AwgInWorld;
  readonly session: Session;
  /** The machine without awg. */
  readonly before: Record<string, string>;
}

/** One verb that is killed at places of its system calls, again and again. */
export interface KillStory {
  /** The first place of a call that is worth a kill. */
  begin(call: string): Promise<number>;
  /** Kills at that place, checks the laws and repairs. False if the verb ended before. */
  kill(place: Place): Promise<boolean>;
  /** Of a first apply: how each kill ended. */
  readonly ends?: readonly KilledFirst[];
}

/** A verb: the calls at which it is killed, and how its story begins. */
interface KilledVerb {
  readonly calls: readonly string[];
  /** Traffic to the second server would be a leak. */
  readonly usesFirstOnly?: true;
  readonly start: (stage: Stage) => Promise<KillStory>;
}

export const killedVerbs: Readonly<Record<string, KilledVerb>> = {
  "change of server": { calls: crashCalls, start: changeOfServer },
  "first apply": { calls: firstCrashCalls, usesFirstOnly: true, start: firstApply },
  destroy: { calls: crashCalls, usesFirstOnly: true, start: destroy },
  rollback: { calls: crashCalls, start: rollback },
  revert: { calls: crashCalls, start: revert },
  confirm: { calls: stateCalls, start: confirm },
};

/** The same for the keeper, which makes the devices and starts the engines. */
export const killedKeeper: Readonly<Record<string, KilledVerb>> = {
  "keeper in a change": { calls: keeperCalls, start: keeperInChange },
  "keeper in a first apply": { calls: keeperCalls, start: keeperInFirstApply },
};

async function changeOfServer({ judged: { first, second }, awg, session }: Stage): Promise<KillStory> {
  let server = second;
  return {
    begin: (call) => firstPlaceOf(call, awg, awg.argv("diff", "-f", awg.config({ server: first }))),
    kill: async (place) => {
      const config = awg.config({ server });
      const isKilled = await applyKilledAt(awg, config, ...place);
      await session.rounds(1);
      await awg.apply(config);
      await expectInSync(awg, config, `after ${place.join(" ")}`);
      server = server === first ? second : first;
      return isKilled;
    },
  };
}

async function firstApply({ judged, program, awg, session }: Stage): Promise<KillStory> {
  let isBare = false;
  const ends: KilledFirst[] = [];
  return {
    ends,
    begin: (call) => firstPlaceOfFirstApply(call, awg, awg.config({ server: judged.first })),
    kill: async (place) => {
      if (!isBare) {
        session.pauseJudging();
        await awg[Symbol.asyncDispose]();
        isBare = true;
      }
      const end = await killFirstApply(judged, session, program, place);
      ends.push(end);
      return end.killed;
    },
  };
}

async function destroy({ judged, awg, session, before }: Stage): Promise<KillStory> {
  const config = awg.config({ server: judged.first });
  return {
    begin: (call) => firstPlaceOf(call, awg, awg.argv("diff", "-f", config)),
    kill: async (place) => {
      const isKilled = await killDestroy(judged, session, awg, place, before);
      await awg.apply(config);
      await session.resumeJudging();
      return isKilled;
    },
  };
}

async function rollback({ judged: { first, second }, awg, session }: Stage): Promise<KillStory> {
  let [current, wanted] = [awg.config({ server: second }), awg.config({ server: first })];
  await awg.apply(current);
  return {
    begin: (call) => firstPlaceOf(call, awg, awg.argv("diff", "-f", current)),
    kill: async (place) => {
      const generation = await generationBefore(awg);
      const isKilled = await rollbackKilledAt(awg, generation, ...place);
      await session.rounds(1);
      if (isKilled) await awg.must("rollback", String(generation), "--auto-approve");
      await expectInSync(awg, wanted, `after ${place.join(" ")}`);
      [current, wanted] = [wanted, current];
      return isKilled;
    },
  };
}

async function revert({ judged: { first, second }, awg, session }: Stage): Promise<KillStory> {
  const [one, two] = [awg.config({ server: first }), awg.config({ server: second })];
  return {
    begin: (call) => firstPlaceOf(call, awg, awg.argv("diff", "-f", one)),
    kill: async (place) => {
      await using waiting = await Waiting.begin(awg, two, "1h");
      waiting.kill();
      const isKilled = await verdictKilledAt(awg, "revert", ...place);
      await session.rounds(1);
      await awg.must("revert");
      await expectInSync(awg, one, `after ${place.join(" ")}`);
      await expectNothingAwaited(awg, place);
      return isKilled;
    },
  };
}

async function confirm({ judged: { first, second }, awg, session }: Stage): Promise<KillStory> {
  let [current, wanted] = [awg.config({ server: first }), awg.config({ server: second })];
  return {
    begin: (call) => firstPlaceOf(call, awg, awg.argv("diff", "-f", current)),
    kill: async (place) => {
      await using waiting = await Waiting.begin(awg, wanted, "1h");
      waiting.kill();
      const isKilled = await verdictKilledAt(awg, "confirm", ...place);
      await session.rounds(1);
      const again = await awg.run("confirm");
      // 64: it was accepted already, and nothing awaits confirmation.
      expect([0, 64], again.stderr).toContain(again.status);
      await expectInSync(awg, wanted, `after ${place.join(" ")}`);
      await expectNothingAwaited(awg, place);
      [current, wanted] = [wanted, current];
      return isKilled;
    },
  };
}

async function keeperInChange({ judged, awg, session }: Stage): Promise<KillStory> {
  const [one, two] = twoWishes(judged);
  await awg.apply(awg.config(two));
  let wish = one;
  return {
    begin: async () => 1,
    // Each direction may make another number of calls: both are tried at each place.
    kill: async (place) => {
      const deaths: boolean[] = [];
      for (const _direction of [one, two]) {
        deaths.push(await changeKilledAt(awg, session, wish, keeperPlace(place)));
        wish = wish === one ? two : one;
      }
      return deaths.includes(true);
    },
  };
}

async function keeperInFirstApply({ judged, program, awg, session }: Stage): Promise<KillStory> {
  session.pauseJudging();
  await awg[Symbol.asyncDispose]();
  return {
    begin: async () => 1,
    kill: (place) => firstApplyKilledAt(judged, session, program, keeperPlace(place)),
  };
}

function keeperPlace([call, n]: Place): KeeperPlace {
  return { call: call as KeeperPlace["call"], n };
}

async function expectInSync(awg: AwgInWorld, config: string, where: string): Promise<void> {
  const diff = await awg.run("diff", "-f", config);
  expect(diff.status, `${where}: ${diff.stdout}${diff.stderr}`).toBe(0);
}

async function expectNothingAwaited(awg: AwgInWorld, place: Place): Promise<void> {
  const { awaitingConfirmation: awaited } = JSON.parse(await awg.must("status", "--json"));
  expect(awaited, `after ${place.join(" ")}`).toBeNull();
}
