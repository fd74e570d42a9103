import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { chanceOf, type Scene } from "../../lab/disruptions/disruption.ts";
import { differenceOf, settledShapeOf } from "../../lab/disruptions/shape.ts";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import type { JudgedWorld } from "../judged-world.ts";
import { DisruptedAwg } from "./disrupted-awg.ts";

/** What dies while nobody confirms, in this order; "daemon again" is a service manager that starts it anew. */
export type Death = "apply" | "keeper" | "daemon" | "daemon again";

/** How an unconfirmed change ended; milliseconds. */
export interface Ended {
  /** From the moment it stood and waited until the old state was seen whole. */
  readonly backAfterMs: number;
  /** The same from the deadline that the keeper was told. */
  readonly lateMs: number;
  readonly looksWhileWaiting: number;
  /** A keeper lived at the last look before the deadline. */
  readonly wasWatched: boolean;
}

const limitMs = 120_000;
/** Longer than any test: the deadline is kept by what is told of it, not by a look that happens to come. */
const driftEvery = "1h";

/**
 * A daemon at work; a change beside it that nobody confirms; deaths meanwhile. Throws when the change was touched before
 * the deadline by anybody, the daemon included, or when the old state is not back whole.
 */
export async function leaveUnconfirmed(
  { world, keys, first }: JudgedWorld,
  program: string,
  within: string,
  deaths: readonly Death[],
): Promise<Ended> {
  await using awg = await DisruptedAwg.start(world, keys, first, { program, engine: "embedded", driftEvery });
  const scene: Scene = { world, product: awg, chance: chanceOf(1), home: { ...place.v4, v4: "", v6: "" }, variant: 0 };
  const before = await settledShapeOf(scene);
  const file = join(world.folder, "unconfirmed.yaml");
  writeFileSync(file, awg.configText(1), { mode: 0o600 });
  const apply = await awg.applyUnconfirmed(file, within);
  const sinceMs = bootMs();
  const { deadlineMs } = JSON.parse(readFileSync(awg.watchFile, "utf8")) as { deadlineMs: number };
  const changed = await settledShapeOf(scene);
  expect(differenceOf(before, changed)).not.toBe("");
  const dying = kill(awg, deaths, apply.pid);
  let looksWhileWaiting = 0;
  let keepers: readonly number[] = [];
  let touched = "";
  let shape = changed;
  const isBack = async (): Promise<boolean> => {
    shape = await settledShapeOf(scene);
    if (bootMs() < deadlineMs) {
      looksWhileWaiting += 1;
      keepers = await awg.pids("keeper");
      touched ||= differenceOf(unowned(changed), unowned(shape));
    }
    return shape === before;
  };
  await waitFor("the old state", isBack, limitMs).catch(() => undefined);
  expect(touched, `changed before the deadline; the daemon reported: ${awg.lastWords}`).toBe("");
  expect(differenceOf(before, shape), awg.lastWords).toBe("");
  const backMs = bootMs();
  await dying;
  return {
    backAfterMs: backMs - sinceMs,
    lateMs: backMs - deadlineMs,
    looksWhileWaiting,
    wasWatched: keepers.length > 0,
  };
}

async function kill(awg: DisruptedAwg, deaths: readonly Death[], apply: number | undefined): Promise<void> {
  for (const death of deaths) {
    if (death === "daemon again") await awg.startDaemon();
    else {
      const pids = death === "apply" ? [apply].filter((pid) => pid !== undefined) : await awg.pids(death);
      expect(pids.length, `a ${death} lives`).toBeGreaterThan(0);
      for (const pid of pids) process.kill(pid, "SIGKILL");
    }
  }
}

/** Without what tells whether a keeper lives that owns the tables. */
function unowned(shape: string): string {
  return shape.replaceAll(/^\s*flags.*$| # progname.*$/gm, "");
}

/** CLOCK_BOOTTIME, by which the keeper goes. */
function bootMs(): number {
  return Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1000;
}
