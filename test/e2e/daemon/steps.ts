import type { Judgement } from "../../lab/judge/judge.ts";
import type { Session } from "../../lab/judge/session.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, type JudgedWorld, sessionOptions } from "../judged-world.ts";
import { Answers } from "./answers.ts";

/** What attack A1 asks for, in this order. */
const steps = ["applied again", "restarted", "tunnel replaced", "endpoint changed"] as const;
type Step = (typeof steps)[number];

/** What is asked of traffic after each step. */
export const BACK_WITHIN_MS = 2_000;

/** How often the four steps are played; no cycle begins when that long has gone by. */
export interface Extent {
  readonly cycles: number;
  readonly minutes: number;
}

/**
 * Plays them under the judge and tells how it went. Gives the judgement and within how many milliseconds traffic was back
 * after 95 % of all steps.
 */
export async function judgeSteps(
  judged: JudgedWorld,
  program: string,
  extent: Extent,
): Promise<{ readonly judgement: Judgement; readonly p95Ms: number }> {
  const { world, keys, first, second } = judged;
  let times: number[] = [];
  const judgement = await judgedRun(world, expecting([first, second]), {
    session: sessionOptions,
    setUp: async () => {
      const awg = new AwgInWorld(world, keys, program);
      await awg.apply(awg.config({ server: first, engine: "userspace" }));
      return awg;
    },
    disturb: async (awg, session) => {
      const played = await playSteps(judged, awg, session, extent);
      for (const [step, all] of Object.entries(played)) {
        const [median, p95, longest] = [0.5, 0.95, 1].map((share) => quantile(all, share));
        console.log(`A1, ${step}, ${all.length} times: back after ${median} ms, p95 ${p95}, longest ${longest}`);
      }
      times = Object.values(played).flat();
    },
  });
  return { judgement, p95Ms: quantile(times, 0.95) };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}

/** Plays the four steps again and again; gives for each step how long after awg was done traffic was back, in milliseconds. */
async function playSteps(
  { world, first, second }: JudgedWorld,
  awg: AwgInWorld,
  session: Session,
  { cycles, minutes }: Extent,
): Promise<Record<Step, number[]>> {
  const times: Record<Step, number[]> = {
    "applied again": [],
    restarted: [],
    "tunnel replaced": [],
    "endpoint changed": [],
  };
  await using answers = await Answers.begin(world);
  let wish: Parameters<AwgInWorld["config"]>[0] = { server: first, engine: "userspace" };
  const endMs = performance.now() + minutes * 60_000;
  for (let cycle = 0; cycle < cycles && performance.now() < endMs; cycle += 1) {
    for (const step of steps) {
      if (step === "restarted") await awg.killEverything();
      if (step === "tunnel replaced") wish = { ...wish, engine: wish.engine === "embedded" ? "userspace" : "embedded" };
      if (step === "endpoint changed") wish = { ...wish, server: wish.server === first ? second : first };
      await awg.apply(awg.config(wish));
      times[step].push(Math.round(await answers.backAfter(Date.now())));
    }
    await session.rounds(1);
  }
  return times;
}
