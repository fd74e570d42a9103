import { describe, expect, test } from "vitest";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { reachesInClear } from "../crash.ts";
import { useJudgedWorld } from "../judged-world.ts";
import {
  applyWithFailing,
  applyWithFailingKeeper,
  expectGoodEnd,
  expectOldOrNewOrTold,
  type FailingCall,
  things,
} from "./failing-calls.ts";
import { LyingKeeper } from "./lying-keeper.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");
const limit = { timeout: 1_200_000 };

/** Of awg's own calls, and of its keeper's; all places are tried in the nightly form. */
const failures: readonly (readonly ["awg" | "keeper", FailingCall])[] = [
  ["awg", { call: "sendto", error: "ENOBUFS", n: 80, lasting: false }],
  ["awg", { call: "fsync", error: "ENOSPC", n: 3, lasting: true }],
  ["awg", { call: "rename", error: "EROFS", n: 1, lasting: false }],
  ["keeper", { call: "sendto", error: "ENOMEM", n: 1, lasting: false }],
];

describe.skipIf(reason !== undefined)(`calls that fail${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test(
    "B4, B8, laws 1, 4 and 5: a call that fails is told, a packet filter that was not loaded is found",
    limit,
    async () => {
      const { world, keys, first, second } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      const [before, after] = [awg.config({ server: first }), awg.config({ server: second })];
      await awg.apply(before);
      let failed = 0;
      for (const [whose, failing] of failures) {
        const where = `${whose}: ${failing.call} ${failing.n} ${failing.error}`;
        const done = await (whose === "awg" ? applyWithFailing : applyWithFailingKeeper)(awg, world, after, failing);
        if (done !== undefined) {
          failed += 1;
          expectGoodEnd(done, where, things(awg));
          const state = await expectOldOrNewOrTold(awg, done, [before, after], where);
          if (state === "neither") expect(await reachesInClear(world), where).toBe(false);
        }
        await awg.apply(before);
      }
      expect(failed).toBeGreaterThan(failures.length / 2);
      {
        await using keeper = await LyingKeeper.before(awg);
        const done = await keeper.run(awg, "apply", "-f", after, "--auto-approve");
        expect(keeper.swallowed, done.stderr).toBeGreaterThan(0);
        expect(done.status, done.stderr).toBe(6);
        expect(done.stderr).toContain("firewall/machine");
        expect(await reachesInClear(world)).toBe(false);
      }
      expect((await awg.run("diff", "-f", before)).status, "after the keeper lied").toBe(0);
    },
  );
});
