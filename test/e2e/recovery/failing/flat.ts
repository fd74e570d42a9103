import { expect } from "vitest";
import { FailingDaemon, type Figures, type Held } from "./failing-daemon.ts";

/** What is resident grows in steps, as a heap is given more room. */
const slackKib = 48 * 1024;
/** The daemon, its keeper, an engine, and one to spare for a moment. */
const mostProcesses = 4;

interface Flat {
  readonly reported: string;
  readonly liveEarly: number;
  readonly liveLate: number;
}

/**
 * Lets one daemon fail in every way, turn after turn, and then succeed: what it and its keeper hold must not grow from the
 * turns after the first few to the last ones. Gives the figures in a sentence, and in KiB what was live of its heap.
 */
export async function failAndStayFlat(program: string, turns: number, warmUp: number): Promise<Flat> {
  await using daemon = new FailingDaemon(program);
  await daemon.start();
  const held: Held[] = [];
  const said: string[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    said.push(...(await daemon.failEachWay(turn)));
    held.push(daemon.held());
  }
  const share = Math.ceil((turns - warmUp) / 2);
  const [early, late] = [held.slice(warmUp, warmUp + share), held.slice(-share)];
  const kinds = new Set(said.map(kindOf));
  const [liveEarly, liveLate] = [leastLive(early), leastLive(late)];
  const reported = `${said.length} applies failed in ${kinds.size} ways; daemon ${change(early, late, "daemon")}, ${liveEarly} then ${liveLate} KiB of its heap live; keeper ${change(early, late, "keeper")}`;
  for (const who of ["daemon", "keeper"] as const) {
    // One may be a connection that is just being answered.
    expect(least(late, who, "descriptors"), reported).toBeLessThanOrEqual(least(early, who, "descriptors") + 1);
    expect(least(late, who, "residentKib"), reported).toBeLessThan(least(early, who, "residentKib") + slackKib);
  }
  await daemon.succeed();
  expect(daemon.held().processes, reported).toBeLessThanOrEqual(mostProcesses);
  expect(kinds.size, said.join("\n")).toBeGreaterThan(4);
  return { reported, liveEarly, liveLate };
}

/** Without what is another each time. */
function kindOf(text: string): string {
  return text.replaceAll(/\d+(\.\d+)?/g, "N");
}

function least(held: readonly Held[], who: "daemon" | "keeper", figure: keyof Figures): number {
  return Math.min(...held.map((one) => one[who][figure]));
}

function leastLive(held: readonly Held[]): number {
  return Math.min(...held.flatMap(({ liveKib }) => liveKib ?? []));
}

function change(early: readonly Held[], late: readonly Held[], who: "daemon" | "keeper"): string {
  const [before, after] = [early, late].map(
    (held) => `${least(held, who, "descriptors")} descriptors and ${least(held, who, "residentKib")} KiB`,
  );
  return `from ${before} to ${after}`;
}
