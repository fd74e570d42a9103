import { expect } from "vitest";
import { generationsMade, type Rivals, type Wanted, wrongEnds } from "./rivals.ts";

/**
 * Lets rivals compete beside a daemon that proposes a config of its own, and judges what came of it: each had its way or
 * was told who was at work, the machine is one of the states exactly and stays so, every generation is one that a rival
 * made, and the daemon's came once: it undid nobody. Then one is killed with the lock in its hand, and the next has it.
 */
export async function race(rivals: Rivals, wishes: readonly Wanted[], daemons: string, times: number): Promise<string> {
  rivals.startDaemon(daemons);
  const ended = await rivals.compete(wishes, times);
  await rivals.daemonRests();
  expect(wrongEnds(ended)).toEqual([]);
  const applied = ended.filter(({ status }) => status === 0).length;
  expect(applied).toBeGreaterThan(0);
  const all = [...wishes, daemons];
  const holding = await rivals.holding(all);
  expect(holding).toHaveLength(1);
  const made = generationsMade(ended);
  const others = (await rivals.generations()).filter(({ number }) => !made.has(number));
  expect(others.length, JSON.stringify(others)).toBeLessThanOrEqual(1);

  const [first = "nothing", second = "nothing"] = wishes.filter((wanted) => !holding.includes(wanted));
  await rivals.killHolding(first);
  await until(async () => (await rivals.ask(second)).status === 0);
  await rivals.daemonRests();
  expect(await rivals.holding(all)).toEqual([second]);
  return `${applied} of ${ended.length} had their way, the others were reported who was at work`;
}

/** The daemon may have the lock for a moment. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let time = 0; time < 20; time += 1) if (await holds()) return;
  expect.unreachable("the lock of a dead process was never free");
}
