import { beforeEach, describe, expect, test } from "vitest";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { blockedPolicy } from "../../../src/model/firewall/transition.ts";
import type { Step } from "../../../src/model/plan.ts";
import type { ApplyDeps } from "../../../src/reconciler/apply/outcome.ts";
import { applyOn, type Bench, benchWith, depsOf } from "../run.ts";
import { allowedBy, firewall, resolver, state } from "../scenarios.ts";

let bench: Bench;

/** Somebody holds the resolver, so that neither the new state nor the old one is reached, and takes the policy away. */
function fightForResolver(losePolicy: boolean): void {
  bench.machine.meddle = (machine) => {
    if (!machine.log.at(-1)?.endsWith("resolver/system")) return;
    machine.set({ ...resolver("6.6.6.6"), owned: true });
    if (losePolicy) machine.remove("firewall policy");
  };
}

/** Dependencies whose firewall refuses what `refuses` says. */
function refusing(deps: ApplyDeps, refuses: (policy: FirewallPolicy) => boolean): ApplyDeps {
  const { firewall: driver } = deps.registry;
  const apply = async (host: never, steps: readonly Step[]): Promise<void> => {
    if (steps.some(({ after }) => after !== null && refuses(after as FirewallPolicy))) throw new Error("nft is busy");
    await driver.apply(host, steps as never);
  };
  return { ...deps, registry: { ...deps.registry, firewall: { ...driver, apply } } } as ApplyDeps;
}

const isBlocked = (policy: FirewallPolicy | null): boolean =>
  JSON.stringify(policy) === JSON.stringify(blockedPolicy());

describe("an undo that fails", () => {
  beforeEach(async () => {
    bench = await benchWith(state(firewall("192.0.2.1"), resolver("10.8.0.1")));
  });
  const changed = state(firewall("192.0.2.1"), resolver("10.8.0.2"));

  test("law 1: a policy that the change did not touch and that is gone is loaded again", async () => {
    fightForResolver(true);
    expect(await applyOn(depsOf(bench), changed)).toMatchObject({ kind: "rollbackIncomplete", blocked: true });
    expect(allowedBy(bench.machine.policy())).toEqual(new Set(["192.0.2.1"]));
  });

  test("one that is untouched is not written", async () => {
    fightForResolver(false);
    expect(await applyOn(depsOf(bench), changed)).toMatchObject({ kind: "rollbackIncomplete", blocked: true });
    expect(bench.machine.log.filter((line) => line.includes("firewall"))).toEqual([]);
  });

  test("law 1, S1.4: where the accepted policy is not taken, nothing passes", async () => {
    fightForResolver(true);
    const deps = refusing(depsOf(bench), (policy) => !isBlocked(policy));
    expect(await applyOn(deps, changed)).toMatchObject({ kind: "rollbackIncomplete", blocked: true });
    expect(bench.machine.policy()).toEqual(blockedPolicy());
  });

  test("law 1, S1.4: where what old and new both allow is not taken either, nothing passes", async () => {
    fightForResolver(false);
    let goesBack = false;
    const deps = refusing(depsOf(bench), (policy) => goesBack && !isBlocked(policy));
    const progress: ApplyDeps["progress"] = ({ type }) => {
      goesBack ||= type === "rollback";
    };
    const other = state(firewall("192.0.2.2"), resolver("10.8.0.2"));
    expect(await applyOn({ ...deps, progress }, other)).toMatchObject({ kind: "rollbackIncomplete", blocked: true });
    expect(bench.machine.policy()).toEqual(blockedPolicy());
  });

  test("law 1, S1.4: where the accepted policy is unknown, nothing passes", async () => {
    fightForResolver(true);
    const deps = depsOf(bench);
    let readable = true;
    const read = async () => {
      if (!readable) throw new Error("EIO");
      return await deps.stores.ledger.read();
    };
    const stores = { ...deps.stores, ledger: { ...deps.stores.ledger, read } };
    const outcome = await applyOn(
      {
        ...deps,
        stores,
        progress: ({ type }) => {
          if (type === "rollback") readable = false;
        },
      },
      changed,
    );
    expect(outcome).toMatchObject({ kind: "rollbackIncomplete", blocked: true });
    expect(bench.machine.policy()).toEqual(blockedPolicy());
  });

  test("what takes no policy at all is said, not claimed to be blocked", async () => {
    fightForResolver(true);
    expect(
      await applyOn(
        refusing(depsOf(bench), () => true),
        changed,
      ),
    ).toMatchObject({ blocked: false });
    expect(bench.machine.policy()).toBeNull();
  });
});

test("a machine without a policy that was to have none is not cut off", async () => {
  bench = await benchWith(state(resolver("10.8.0.1")));
  fightForResolver(false);
  expect(await applyOn(depsOf(bench), state(resolver("10.8.0.2")))).toMatchObject({ kind: "rollbackIncomplete" });
  expect(bench.machine.policy()).toBeNull();
});
