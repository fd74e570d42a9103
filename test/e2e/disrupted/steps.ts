import type { Session } from "../../lab/judge/session.ts";
import type { AwgInWorld } from "../awg-in-world.ts";
import type { JudgedWorld } from "../judged-world.ts";
import { Answers } from "./answers.ts";

/** What security.md A1 asks for, in this order. */
export const steps = ["applied again", "restarted", "tunnel replaced", "endpoint changed"] as const;
export type Step = (typeof steps)[number];

/** How often the four steps are played; no cycle begins when that long has gone by. */
export interface Extent {
  readonly cycles: number;
  readonly minutes: number;
}

/** Plays the four steps again and again; gives for each step how long after awg was done traffic was back, in milliseconds. */
export async function playSteps(
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
