import { describe, expect, test } from "vitest";
import type { FieldChange, Resource } from "../../../src/model/resource.ts";
import type { ApplyDeps, ProgressEvent } from "../../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal } from "../../../src/reconciler/apply/recover.ts";
import { readOpenTransaction, readTransaction } from "../../../src/reconciler/journal/open-transaction.ts";
import { CrashError, Faults } from "../../support/faults.ts";
import { countingClock, memoryStores } from "../../support/memory-stores.ts";
import { fakeRegistry } from "../fake-machine.ts";
import { applyOn, type Bench, benchWith, copyBench, depsOf, freshBench, planOn } from "../run.ts";
import { allowedBy, firewall, link, resolver, SCENARIOS, type Scenario, state, sysctl, tunnel } from "../scenarios.ts";

const { from: NOTHING, to: OFFICE } = SCENARIOS["first apply"] as Scenario;

describe("an apply that succeeds", () => {
  test("law 3: a second one writes nothing at all, to the machine or the stores", async () => {
    const bench = await benchWith(OFFICE);
    const faults = new Faults();
    expect(await applyOn(depsOf(bench, faults), OFFICE)).toEqual({ kind: "inSync", generation: 1 });
    expect([faults.count, bench.machine.log, bench.disk.log]).toEqual([0, [], []]);
  });

  test("another configuration with the same meaning is accepted without touching the machine", async () => {
    const bench = await benchWith(OFFICE);
    const deps = depsOf(bench);
    const { plan } = await planOn(deps, OFFICE);
    const { executePlan } = await import("../../../src/reconciler/apply/execute.ts");
    const proposal = {
      verb: "apply",
      desired: OFFICE,
      configHash: "another text",
      pathNumbers: { office: 1 },
    } as const;
    expect(await executePlan(deps, proposal, plan)).toEqual({ kind: "inSync", generation: 2 });
    expect(bench.machine.log).toEqual([]);
    expect(bench.disk.generations.at(-1)).toMatchObject({
      number: 2,
      configHash: "another text",
      pathNumbers: { office: 1 },
    });
  });

  test("generations count up, carry the secrets' ids, and the ledger names the one that holds", async () => {
    const bench = await benchWith(OFFICE);
    await applyOn(depsOf(bench), state(resolver("10.8.0.9")));
    expect(bench.disk.generations.map(({ number, secretIds }) => [number, secretIds])).toEqual([
      [1, ["a1"]],
      [2, []],
    ]);
    expect(bench.disk.ledger.generation).toBe(2);
  });

  test("a repair brings back what was accepted and makes no generation; a wish for something else does", async () => {
    const bench = await benchWith(OFFICE);
    const [accepted] = structuredClone(bench.disk.generations);
    bench.machine.remove("link awg-office");
    expect(await applyOn(depsOf(bench), OFFICE)).toEqual({ kind: "applied", generation: 1 });
    expect(bench.disk.generations).toEqual([accepted]);
    expect(bench.disk.ledger.generation).toBe(1);
    expect(await applyOn(depsOf(bench), state(resolver("10.8.0.9")))).toEqual({ kind: "applied", generation: 2 });
    expect(await applyOn(depsOf(bench), OFFICE)).toEqual({ kind: "applied", generation: 3 });
  });

  test("a repair leaves the generation's file alone, and the secrets that older ones name", async () => {
    const bench = await benchWith(OFFICE);
    bench.machine.remove("link awg-office");
    const pruned: unknown[] = [];
    const deps = depsOf(bench);
    const secrets = {
      persist: async () => false,
      restore: async () => false,
      damage: () => [],
      prune: async (keep: unknown) => void pruned.push(keep),
    };
    await applyOn({ ...deps, stores: { ...deps.stores, secrets } }, OFFICE);
    expect(bench.disk.log.filter((entry) => !entry.startsWith("journal b") && entry !== "journal done")).toEqual([
      "journal accept",
      "ledger",
      "journal clear",
    ]);
    expect(pruned).toEqual([]);
    // A key that somebody gave an engine, and that the way back would need, is not kept once it is accepted.
    bench.machine.remove("link awg-office");
    await applyOn({ ...deps, stores: { ...deps.stores, secrets: { ...secrets, persist: async () => true } } }, OFFICE);
    expect(pruned).toEqual([new Set(["a1"])]);
  });

  test("intent is on the disk before the machine is touched, and the journal is closed at the end", async () => {
    const bench = freshBench();
    await applyOn(depsOf(bench), state(link("office")));
    expect(bench.disk.log).toEqual([
      "journal begin",
      "journal batch",
      "journal done",
      "journal accept",
      "generation",
      "ledger",
      "journal clear",
    ]);
  });

  test("law 4: a machine that settles late is waited for, with growing waits", async () => {
    const bench = freshBench();
    const registry = fakeRegistry(bench.machine);
    let readings = 0;
    const slow = {
      ...registry,
      resolver: {
        ...registry.resolver,
        diff: (a: never, b: never) => (++readings < 3 ? [{ field: "/servers" }] : registry.resolver.diff(a, b)),
      },
    } as ApplyDeps["registry"];
    const clock = countingClock();
    expect(
      (await applyOn(depsOf(bench, new Faults(), { registry: slow, clock }), state(resolver("10.8.0.1")))).kind,
    ).toBe("applied");
    expect(clock.sleptMs).toBe(400);
  });
});

describe("an apply that fails", () => {
  test("law 5: a machine that never reads back as written is rolled back, naming what differs", async () => {
    const bench = await benchWith(OFFICE);
    const before = bench.machine.print();
    bench.machine.meddle = (machine) => {
      const thing = machine.places.get("link awg-home");
      if (thing?.kind === "link")
        machine.places.set("link awg-home", { ...thing, spec: { ...thing.spec, mtuBytes: 576 } as never });
    };
    const outcome = await applyOn(depsOf(bench), state(...OFFICE.resources, link("home")));
    expect(outcome).toMatchObject({
      kind: "rolledBack",
      cause: { kind: "verification", message: expect.stringContaining("link/home (/mtuBytes)") },
    });
    expect(bench.machine.print()).toBe(before);
    expect(bench.disk.journal).toEqual([]);
    expect(bench.disk.ledger.generation).toBe(1);
  });

  describe("law 5: what the peer moves back", () => {
    const listening = (listenPort: number): Resource => tunnel("office", { listenPort });
    /** A tunnel whose port the other end sets back, so often. */
    async function applyAgainst(
      times: number,
      fields: readonly string[],
      hook: "roams" | "isSilent" = "roams",
    ): Promise<{ kind: string; log: string[] }> {
      const bench = await benchWith(state(link("office"), listening(1)));
      let left = times;
      bench.machine.meddle = (machine) => {
        if (machine.log.at(-1) === "update tunnel/office" && left-- > 0) machine.set({ ...listening(1), owned: true });
      };
      const registry = fakeRegistry(bench.machine);
      Object.assign(registry.tunnel, {
        [hook]: (changes: readonly FieldChange[]) => changes.every(({ field }) => fields.includes(field)),
      });
      const { kind } = await applyOn(depsOf(bench, new Faults(), { registry }), state(link("office"), listening(2)));
      return { kind, log: bench.machine.log };
    }

    test("is sent again until it stays", async () => {
      const reported = Array(4).fill("update tunnel/office");
      expect(await applyAgainst(3, ["/listenPort"])).toEqual({ kind: "applied", log: reported });
    });

    test("or does not answer, because it was stopped, is started again", async () => {
      const reported = Array(2).fill("update tunnel/office");
      expect(await applyAgainst(1, ["/listenPort"], "isSilent")).toEqual({ kind: "applied", log: reported });
    });

    test("is rolled back where it never stays, and where it is more than the peer's to move", async () => {
      expect(await applyAgainst(6, ["/listenPort"])).toMatchObject({ kind: "rolledBack" });
      expect(await applyAgainst(1, ["/fwmark"])).toEqual({
        kind: "rolledBack",
        log: Array(2).fill("update tunnel/office"),
      });
    });
  });

  test("a failed required probe rolls back; one that passes does not", async () => {
    const bench = await benchWith(NOTHING);
    const failing = await applyOn(
      depsOf(bench, new Faults(), { probe: async () => "192.0.2.1 does not answer" }),
      OFFICE,
    );
    expect(failing).toMatchObject({
      kind: "rolledBack",
      cause: { kind: "verification", message: expect.stringContaining("does not answer") },
    });
    expect(bench.machine.print()).toBe(freshBench().machine.print());
    expect((await applyOn(depsOf(bench, new Faults(), { probe: async () => undefined }), OFFICE)).kind).toBe("applied");
  });

  test("a signal between two batches ends in the old state and says which signal", async () => {
    const bench = await benchWith(NOTHING);
    let asked = 0;
    const outcome = await applyOn(
      depsOf(bench, new Faults(), { shouldStop: () => (++asked === 4 ? "SIGINT" : undefined) }),
      OFFICE,
    );
    expect(outcome).toMatchObject({ kind: "rolledBack", interruptedBy: "SIGINT" });
    expect(bench.machine.print()).toBe(freshBench().machine.print());
  });

  test("law 1: when the undo fails too, only what old and new both allow passes, and the journal stays open", async () => {
    const from = state(firewall("192.0.2.1", "10.0.0.0/8"), link("office"), resolver("10.8.0.1"));
    const bench = await benchWith(from);
    const before = bench.machine.print();
    const deps = depsOf(bench);
    let broken = false;
    const registry = {
      ...deps.registry,
      resolver: {
        ...deps.registry.resolver,
        apply: async () => {
          broken = true;
          bench.machine.set({ ...resolver("6.6.6.6"), owned: true });
          throw new Error("the disk is gone");
        },
      },
    } as ApplyDeps["registry"];
    const events: ProgressEvent[] = [];
    const outcome = await applyOn(
      { ...deps, registry, progress: (event) => events.push(event) },
      state(firewall("192.0.2.2", "10.0.0.0/8"), link("office"), resolver("10.8.0.2")),
    );
    expect(broken).toBe(true);
    expect(outcome).toMatchObject({ kind: "rollbackIncomplete", blocked: true, journal: "memory:journal" });
    expect(allowedBy(bench.machine.policy())).toEqual(new Set(["10.0.0.0/8"]));
    expect(events.at(-1)).toMatchObject({ type: "blocked" });
    expect((await readOpenTransaction(deps.stores.journal))?.blocked).toBe(true);
    expect(await recoverOpenJournal(depsOf(bench))).toMatchObject({ kind: "rolledBack" });
    expect(bench.machine.print()).toBe(before);
  });

  test("the next apply refuses to start on an open journal", async () => {
    const bench = freshBench();
    await applyOn(depsOf(bench, new Faults(4)), OFFICE).catch(() => undefined);
    await expect(applyOn(depsOf(bench), OFFICE)).rejects.toMatchObject({
      kind: "bug",
      message: expect.stringContaining("open"),
    });
  });
});

describe("recovery", () => {
  async function crashedAt(label: string, from = NOTHING, to = OFFICE): Promise<Bench> {
    const start = await benchWith(from);
    for (let at = 1; ; at++) {
      const bench = copyBench(start);
      const faults = new Faults(at, "crash-after");
      const error: unknown = await applyOn(depsOf(bench, faults), to).catch((caught: unknown) => caught);
      const last = bench.disk.log.at(-1);
      if (last === label) return bench;
      if (!faults.fired) throw new Error(`never at ${label}: ${error instanceof CrashError}`);
    }
  }

  test("law 2: reading an open journal changes nothing", async () => {
    const bench = await crashedAt("journal done");
    const before = structuredClone(bench.disk);
    const open = await readOpenTransaction(depsOf(bench).stores.journal);
    expect(open).toMatchObject({ begin: { verb: "apply", generation: 1 }, blocked: false, accept: undefined });
    expect(open?.batches.length).toBeGreaterThan(0);
    expect(bench.disk).toEqual(before);
  });

  test("nothing open, nothing done", async () => {
    const bench = await benchWith(OFFICE);
    expect(await recoverOpenJournal(depsOf(bench))).toBeUndefined();
    expect(bench.disk.log).toEqual([]);
  });

  test("a verified apply is accepted, not undone", async () => {
    const bench = await crashedAt("journal accept");
    const machine = bench.machine.print();
    expect(await recoverOpenJournal(depsOf(bench))).toEqual({ kind: "applied", generation: 1 });
    expect(bench.machine.print()).toBe(machine);
    expect((await planOn(depsOf(bench), OFFICE)).plan.batches).toEqual([]);
  });

  test("an interrupted destroy goes on to its end", async () => {
    const bench = await crashedAt("journal done", OFFICE, NOTHING);
    expect(await recoverOpenJournal(depsOf(bench))).toMatchObject({ kind: "applied" });
    expect(bench.machine.print()).toBe(freshBench().machine.print());
    expect(bench.disk.ledger.entries).toEqual([]);
  });

  test("after a reboot only what is on disk is put back", async () => {
    const to = state(link("office"), sysctl({ "net.ipv4.conf.all.arp_ignore": "2" }), resolver("10.8.0.1"));
    const bench = freshBench();
    await applyOn(depsOf(bench), state(resolver("10.8.0.77")));
    const faults = new Faults();
    const dying = {
      ...depsOf(bench, faults),
      probe: async () => {
        faults.crashed = true;
        throw new CrashError("probe");
      },
    };
    await applyOn(dying, to).catch(() => undefined);
    expect(bench.disk.journal.length).toBeGreaterThan(0);
    bench.disk.boot++;
    bench.machine.remove("link awg-office");
    bench.machine.log.length = 0;
    expect(await recoverOpenJournal(depsOf(bench))).toMatchObject({ kind: "rolledBack" });
    expect(bench.machine.log).toEqual(["update resolver/system"]);
    expect(bench.machine.print()).toContain("10.8.0.77");
  });

  test("a failed acceptance is finished by the next run", async () => {
    const bench = freshBench();
    const stores = memoryStores(bench.disk);
    const failing = {
      ...stores,
      ledger: { ...stores.ledger, write: async () => Promise.reject(new Error("disk full")) },
    };
    const outcome = await applyOn({ ...depsOf(bench), stores: failing }, OFFICE);
    expect(outcome).toMatchObject({ kind: "applied", unaccepted: expect.any(Error) });
    expect(await recoverOpenJournal(depsOf(bench))).toEqual({ kind: "applied", generation: 1 });
    expect(bench.disk.ledger.generation).toBe(1);
  });
});

describe("journals that awg never writes", () => {
  const begin = { type: "begin", verb: "apply", configHash: "", generation: 1, startedMs: 0 } as const;
  const batch = { type: "batch", index: 0, batch: { kind: "link", phase: "prepare", steps: [] } } as const;
  test.each([
    ["starts in the middle", [batch]],
    ["begins twice", [begin, begin]],
    ["repeats a batch", [begin, batch, batch]],
    ["ends a batch that never began", [begin, { type: "done", index: 3 } as const]],
    ["undoes a batch that never began", [begin, { type: "undone", index: 3 } as const]],
  ])("one that %s is refused, naming it", (_name, records) => {
    const read = records.map((record) => ({ record, sameBoot: true }));
    expect(() => readTransaction(read, "/state/journal")).toThrow(/the journal \/state\/journal/);
  });
});
