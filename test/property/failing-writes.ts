import { errnoError } from "../../src/native/linux/errno.ts";
import { playWithFaultAt, rehearse, type Story } from "./laws.ts";
import { Tally } from "./tally.ts";
import { AWG, World } from "./world.ts";

/** What fault B4 has the kernel answer, by number (include/uapi/asm-generic/errno-base.h and errno.h). */
const ERRNOS = [1, 16, 17, 2, 4, 11, 12, 105, 28, 24, 30];
const FOR_EVER = 100_000;

/** Which of a story's writes fail: the first of each name, or every one. */
export type Places = "first of each name" | "all";

/**
 * Plays the stories with each errno at each place, once and from there on for ever, under all laws that
 * `playWithFaultAt` holds. Gives what it met: runs, names of writes, outcomes.
 */
export async function failWrites(stories: readonly Story[], places: Places): Promise<Tally> {
  const tally = new Tally();
  const options = { makeup: AWG, tally, probesPerWrite: 1 };
  const known = new Set<string>();
  for (const story of stories) {
    const rehearsal = await rehearse(story, options);
    if (rehearsal === undefined) throw new Error(`it cannot be reported:\n${tally.print()}`);
    const world = new World(rehearsal.from, AWG);
    await (story.after === null ? world.destroy() : world.apply(story.after));
    for (const [index, name] of world.machine.writes.entries()) {
      if (places === "first of each name" && known.has(name)) continue;
      known.add(name);
      tally.add(`write ${name}`);
      for (const number of ERRNOS) {
        const { kind, facts } = errnoError("writing", number);
        for (const times of [1, FOR_EVER]) {
          const fault = { kind: "fail", error: kind, errno: String(facts["errno"]), times } as const;
          await playWithFaultAt(rehearsal, { at: index + 1, fault }, undefined, options);
        }
      }
    }
  }
  return tally;
}
