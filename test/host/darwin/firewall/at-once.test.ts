import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../../../src/model/error.ts";
import { policy } from "../../../contract/contract-world.ts";
import { DarwinWorld } from "../../../contract/darwin-world.ts";
import { SEED } from "../../../support/seeded.ts";

const RUNS = 60;
const LONGEST_MS = 4;

/** Numbers below a bound, the same for the same seed (a linear congruential generator). */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % below;
  };
}

describe(`two processes at PF at once, ${RUNS} orders of their steps`, () => {
  test("leave the policy of one, whole and known; an overtaken load is reported; a reader in between gets an answer", async () => {
    let overtaken = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const next = numbers(SEED + run);
      using world = new DarwinWorld({
        run: (real) => async (command) => {
          await sleep(next(LONGEST_MS));
          return real(command);
        },
      });
      const first = world.contract();
      const [second, third] = [first.second(), first.second()];
      const policies = [policy(first), policy(first, 443)] as const;
      const read = async () => {
        for (let look = 0; look < 3; look += 1) await third.firewall.read();
      };
      const [one, other] = await Promise.allSettled([
        first.host.firewall.load(policies[0]),
        second.firewall.load(policies[1]),
        read(),
      ]);
      const failures = [one, other].flatMap((end) => (end?.status === "rejected" ? [end.reason as unknown] : []));
      overtaken += failures.length;
      const isReported = failures.every((error) => error instanceof AwgError && error.kind === "verification");
      const { policy: standing, damage } = await third.firewall.read();
      expect({ run, isReported, ends: failures.length < 2, damage }).toEqual({
        run,
        isReported: true,
        ends: true,
        damage: [],
      });
      const whole = policies.filter((_, at) => [one, other][at]?.status === "fulfilled");
      expect(whole).toContainEqual(standing);
      expect(world.machine.pf.tokens).toHaveLength(1);
    }
    expect(overtaken).toBeGreaterThan(0);
  });
});
