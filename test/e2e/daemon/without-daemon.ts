import { type Part, sleep } from "../../lab/disruptions/disruption.ts";
import type { Session } from "../../lab/judge/session.ts";
import { waitFor } from "../../lab/world/command.ts";
import type { World } from "../../lab/world/world.ts";
import { Answers } from "./answers.ts";
import type { DisruptedAwg } from "./disrupted-awg.ts";

/** Who dies of a SIGKILL at once; the daemon is always among them, since nobody is to start anything again. */
export const deaths: readonly (readonly Part[])[] = [
  ["daemon"],
  ["daemon", "engine"],
  ["daemon", "keeper"],
  ["daemon", "keeper", "engine"],
];

const withoutDaemonMs = 5_000;
const aliveMs = 60_000;

/**
 * Each of these deaths so many times: then five seconds without a daemon, in which the prober goes on, and its start. Gives how
 * many milliseconds after it was started a packet of each IP version was answered, by who had died.
 */
export async function playDeaths(
  world: World,
  awg: DisruptedAwg,
  session: Session,
  cycles: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>();
  await using answers = await Answers.begin(world);
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    for (const parts of deaths) {
      const alive = await waitFor("everybody who is to die", () => everyPart(awg, parts), aliveMs).catch((cause) => {
        throw new Error(`${cause.message}: ${awg.lastWords}`, { cause });
      });
      for (const pid of alive) process.kill(pid, "SIGKILL");
      await sleep(withoutDaemonMs);
      const startedMs = Date.now();
      await awg.startDaemon();
      const backMs = Math.round(await answers.backAfter(startedMs));
      const name = parts.join(" and ");
      times.set(name, [...(times.get(name) ?? []), backMs]);
      await session.rounds(1);
      await waitFor("the whole machine", () => awg.saysInSync(), aliveMs);
    }
  }
  return times;
}

/** The processes of these parts; undefined while one of them has none. */
async function everyPart(awg: DisruptedAwg, parts: readonly Part[]): Promise<readonly number[] | undefined> {
  const pids = await Promise.all(parts.map((part) => awg.pids(part)));
  return pids.some((some) => some.length === 0) ? undefined : pids.flat();
}
