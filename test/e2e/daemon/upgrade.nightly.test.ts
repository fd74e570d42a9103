import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { VERSION } from "../../../src/model/version.ts";
import { carriesTraffic } from "../../lab/disruptions/shape.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { run, waitFor } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { ROOT } from "../../repository/sources.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { DisruptedAwg } from "./disrupted-awg.ts";

const reason = whyNoLab();
const limit = { timeout: 3_600_000 };
const swaps = Number(process.env["AWG_SWAPS"] ?? 20);
const limitMs = 60_000;
const versions = ["9.8.7", VERSION] as const;
/** The bits of the mark in the policy rules of each. */
const MASKS = ["0x3f000000", "0xff000000"] as const;

/** What the other build says in place of this one: six bits of the mark, and another number of what it renders. */
const OTHER_RULES = [
  ["core.cjs", /=4278190080,/g, "=1056964608,"],
  ["core.cjs", /===([\w$]+\.RENDERING)\b/g, "===-$1"],
  ["apply.cjs", /\brendering:([\w$]+\.RENDERING)\b/g, "rendering:-$1"],
] as const;

/** Two builds of the package that differ in their version and their bits of the mark, and a link to the one that is installed. */
class Packages {
  readonly program: string;
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.program = join(folder, "current", "awg.cjs");
  }

  static async build(folder: string): Promise<Packages> {
    mkdirSync(folder, { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const [other, own] = versions;
    await run([process.execPath, join(ROOT, "scripts", "build.ts"), join(folder, own)], "", 300_000);
    cpSync(join(folder, own), join(folder, other), { recursive: true });
    for (const file of [
      "core.cjs",
      "config.cjs",
      "apply.cjs",
      "status.cjs",
      "engine.cjs",
      "grpc.cjs",
      "keeper.cjs",
      "small.cjs",
      "rest.cjs",
    ]) {
      const text = readFileSync(join(folder, other, file), "utf8");
      writeFileSync(join(folder, other, file), text.replaceAll(`"${own}"`, `"${other}"`));
    }
    for (const [name, own, others] of OTHER_RULES) {
      const file = join(folder, other, name);
      const text = readFileSync(file, "utf8");
      expect(text.match(own) ?? [], `${own} in ${name}`).toHaveLength(1);
      writeFileSync(file, text.replace(own, others));
    }
    return new Packages(folder);
  }

  /** As npm does: the new one stands there whole, then takes the old one's place. */
  async install(version: string): Promise<void> {
    rmSync(join(this.folder, "next"), { force: true });
    symlinkSync(version, join(this.folder, "next"));
    renameSync(join(this.folder, "next"), join(this.folder, "current"));
    expect(await run([process.execPath, this.program, "version"])).toContain(`awg ${version}`);
  }
}

/** What a service manager does after an upgrade; every second time the old ones have no time to end well. */
async function restart(awg: DisruptedAwg, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  for (const part of ["daemon", "keeper"] as const) {
    const old = await awg.pids(part);
    expect(old.length, `a ${part} runs`).toBeGreaterThan(0);
    for (const pid of old) process.kill(pid, signal);
    await waitFor(`the ${part}'s end`, async () => !(await awg.pids(part)).some((pid) => old.includes(pid)), limitMs);
  }
  await awg.startDaemon();
  await waitFor("a keeper", async () => (await awg.pids("keeper")).length > 0, limitMs);
}

describe.skipIf(reason !== undefined)(`awg upgraded${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();

  test(`A6, laws 1, 4: new > old > new, ${swaps} times under load: no leak`, limit, async () => {
    const { world, keys, first } = judged();
    const packages = await Packages.build(join(world.folder, "packages"));
    const times: number[] = [];
    const judgement = await judgedRun(world, expecting([first], { leastTunnelPackets: swaps }), {
      session: sessionOptions,
      setUp: async () => {
        await packages.install(versions[0]);
        return DisruptedAwg.start(world, keys, first, { program: packages.program });
      },
      disturb: async (awg, session) => {
        const mask = async () => {
          const rules = await run(["ip", "-n", world.namespace("client"), "rule"]);
          return /fwmark 0x3f000000\/(0x\w+)/.exec(rules)?.[1];
        };
        expect(await mask()).toBe(MASKS[0]);
        for (let swap = 1; swap <= swaps; swap += 1) {
          await packages.install(versions[swap % 2] ?? "");
          const begin = performance.now();
          await restart(awg, swap % 4 < 2 ? "SIGTERM" : "SIGKILL");
          await waitFor(`traffic after swap ${swap}`, () => carriesTraffic({ world }), limitMs);
          times.push(Math.round(performance.now() - begin));
          await waitFor(`the rules of swap ${swap}`, async () => (await mask()) === MASKS[swap % 2], limitMs);
          await session.rounds(1);
        }
        await waitFor("the whole machine", () => awg.saysInSync(), limitMs);
      },
    });
    const sorted = times.toSorted((a, b) => a - b);
    console.log(
      `A6: ${swaps} swaps; traffic seen ${sorted[0]}–${sorted.at(-1)} ms after each began, the restarts in it`,
    );
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    expect(times.length).toBeGreaterThanOrEqual(swaps);
  });
});
