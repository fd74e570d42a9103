import { describe, expect, test } from "vitest";
import type { Step } from "../../../src/model/plan.ts";
import type { ApplyDeps } from "../../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal } from "../../../src/reconciler/apply/recover.ts";
import { readTransaction } from "../../../src/reconciler/journal/open-transaction.ts";
import { EMPTY_LEDGER } from "../../../src/reconciler/plan/ledger.ts";
import { Faults } from "../../support/faults.ts";
import { applyOn, benchWith, depsOf, guardPolicy, LeakError } from "../run.ts";
import { allowedBy, firewall, link, resolver, state, sysctl, table, tunnel } from "../scenarios.ts";

type Apply = (host: never, steps: readonly Step[]) => Promise<void>;

/** Dependencies in which one kind's apply is wrapped. */
function wrapping(deps: ApplyDeps, kind: "firewall" | "resolver", wrap: (real: Apply) => Apply): ApplyDeps {
  const driver = deps.registry[kind];
  const apply = wrap(driver.apply.bind(driver) as Apply);
  return { ...deps, registry: { ...deps.registry, [kind]: { ...driver, apply } } };
}

describe("the undo", () => {
  test("undoes the steps of a batch in reverse, as they may depend on each other", async () => {
    const bench = await benchWith(state());
    const outcome = await applyOn(
      depsOf(bench, new Faults(), { probe: async () => "no" }),
      state(link("a"), link("b"), link("c")),
    );
    expect(outcome.kind).toBe("rolledBack");
    expect(bench.machine.log).toEqual([
      "create link/a",
      "create link/b",
      "create link/c",
      "delete link/c",
      "delete link/b",
      "delete link/a",
    ]);
  });

  test("law 5: is read back, and repaired where another program interferes", async () => {
    const bench = await benchWith(state(link("office"), resolver("10.8.0.1")));
    const before = bench.machine.print();
    let meddled = 0;
    bench.machine.meddle = (machine) => {
      if (machine.log.at(-1) !== "update resolver/system" || ++meddled !== 2) return;
      machine.set({ ...resolver("6.6.6.6"), owned: true });
    };
    const outcome = await applyOn(
      depsOf(bench, new Faults(), { probe: async () => "no" }),
      state(link("office"), resolver("10.8.0.2")),
    );
    expect(meddled).toBeGreaterThan(2);
    expect(outcome.kind).toBe("rolledBack");
    expect(bench.machine.print()).toBe(before);
  });

  test("law 5: one that cannot be read back as it was is incomplete and says what is wrong, never 'rolled back'", async () => {
    const bench = await benchWith(state(resolver("10.8.0.1")));
    bench.machine.meddle = (machine) => machine.set({ ...resolver("6.6.6.6"), owned: true });
    const outcome = await applyOn(depsOf(bench), state(resolver("10.8.0.2")));
    expect(outcome).toMatchObject({
      kind: "rollbackIncomplete",
      rollbackCause: { kind: "verification", message: expect.stringContaining("resolver/system") },
    });
    expect(bench.disk.journal.at(-1)?.record.type).toBe("blocked");
    bench.machine.meddle = () => undefined;
    expect((await recoverOpenJournal(depsOf(bench)))?.kind).toBe("rolledBack");
    expect(bench.machine.print()).toContain("10.8.0.1");
  });

  test("law 1: a policy that would not go back at first is loaded in its strictest form before giving up", async () => {
    const bench = await benchWith(state(firewall("192.0.2.1"), link("office")));
    // Three tries to undo, three to block, three to block everything, five to restore the old state by another way.
    let refusals = 14;
    const deps = wrapping(depsOf(bench), "firewall", (real) => async (host, steps) => {
      const loads = steps.some(({ after }) => after !== null);
      if (loads && refusals-- > 0) throw new Error("nft is busy");
      await real(host, steps);
    });
    const outcome = await applyOn({ ...deps, probe: async () => "no" }, state());
    expect(outcome).toMatchObject({ kind: "rollbackIncomplete", blocked: true });
    expect(allowedBy(bench.machine.policy())).toEqual(new Set(["192.0.2.1"]));
  });

  test("a step that fails twice and then works is no failure", async () => {
    const bench = await benchWith(state(resolver("10.8.0.1")));
    const before = bench.machine.print();
    let tries = 0;
    const deps = wrapping(depsOf(bench), "resolver", (real) => async (host, steps) => {
      if (steps[0]?.reason.startsWith("undo") && ++tries < 3) throw new Error("busy");
      await real(host, steps);
    });
    expect((await applyOn({ ...deps, probe: async () => "no" }, state(resolver("10.8.0.2")))).kind).toBe("rolledBack");
    expect([tries, bench.machine.print()]).toEqual([3, before]);
  });

  test("law 4: what others removed during it, although this apply never touched it, is brought back with the old state", async () => {
    const office = [link("office"), tunnel("office"), table("office", 101, ["0.0.0.0/0"])];
    const bench = await benchWith(state(...office));
    const before = bench.machine.print();
    bench.machine.meddle = (machine) => {
      if (machine.log.at(-1) === "update tunnel/office") machine.remove("link awg-office");
    };
    const outcome = await applyOn(
      depsOf(bench),
      state(link("office"), tunnel("office", { listenPort: 5 }), table("office", 101, ["10.0.0.0/8"])),
    );
    expect(outcome.kind).toBe("rolledBack");
    expect(bench.machine.print()).toBe(before);
  });

  test("law 1: a lost ledger does not make the old state forget its kill switch", async () => {
    const office = [firewall("192.0.2.1"), link("office"), tunnel("office"), table("office", 101, ["0.0.0.0/0"])];
    const bench = await benchWith(state(...office));
    const before = bench.machine.print();
    bench.disk.ledger = EMPTY_LEDGER;
    bench.disk.generations = [];
    bench.machine.meddle = (machine) => {
      if (machine.log.at(-1) === "update tunnel/office") machine.remove("link awg-office");
    };
    guardPolicy(bench.machine, [state(...office)]);
    const changed = [
      firewall("192.0.2.1"),
      link("office"),
      tunnel("office", { listenPort: 5 }),
      table("office", 101, ["10.0.0.0/8"]),
    ];
    expect((await applyOn(depsOf(bench), state(...changed))).kind).toBe("rolledBack");
    expect(bench.machine.print()).toBe(before);
    expect(LeakError.seen).toEqual([]);
  });

  test("law 6: settings that an unfinished apply took over are put back by a destroy that follows it", async () => {
    const bench = await benchWith(state());
    const before = bench.machine.print();
    const deps = depsOf(bench, new Faults(6, "crash-after"));
    await applyOn(deps, state(sysctl({ "net.ipv4.conf.all.arp_ignore": "2" }), link("office"))).catch(() => undefined);
    expect(bench.machine.print()).not.toBe(before);
    expect((await recoverOpenJournal(depsOf(bench), "destroy"))?.kind).toBe("applied");
    expect(bench.machine.print()).toBe(before);
    expect(bench.disk.ledger.entries).toEqual([]);
  });

  test("an acceptance is void once a rollback has begun", () => {
    const begin = { type: "begin", verb: "apply", configHash: "", generation: 1, startedMs: 0 } as const;
    const generation = { number: 1, configHash: "", acceptedMs: 0, desired: state(), pathNumbers: {}, secretIds: [] };
    const accept = { type: "accept", generation, ledger: { generation: 1, entries: [] } } as const;
    const read = (...records: readonly Parameters<typeof readTransaction>[0][number]["record"][]) =>
      readTransaction(
        records.map((record) => ({ record, sameBoot: true })),
        "journal",
      );
    expect(read(begin, accept)?.accept).toBeDefined();
    expect(read(begin, accept, { type: "rollback", cause: "disk" })).toMatchObject({
      accept: undefined,
      rollbackCause: "disk",
    });
  });
});
