import { afterEach, describe, expect, test } from "vitest";
import {
  confirmTransaction,
  readVerdict,
  revertFailure,
  revertTransaction,
} from "../../../src/reconciler/apply/confirm.ts";
import type { ApplyDeps, Confirmation, Outcome } from "../../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal } from "../../../src/reconciler/apply/recover.ts";
import { readOpenTransaction, readTransaction } from "../../../src/reconciler/journal/open-transaction.ts";
import { CrashError, Faults } from "../../support/faults.ts";
import { applyOn, type Bench, benchWith, copyBench, depsOf, guardPolicy, LeakError, planOn } from "../run.ts";
import { firewall, link, resolver, state, sysctl, table, tunnel } from "../scenarios.ts";

const OLD = state(firewall("192.0.2.1", "10.0.0.0/8"), link("office"), tunnel("office"), resolver("10.8.0.1"));
const NEW = state(
  firewall("192.0.2.2", "10.0.0.0/8"),
  link("office"),
  tunnel("office", { listenPort: 5 }),
  table("office", 101, ["0.0.0.0/0"]),
  sysctl({ "net.ipv4.conf.all.arp_ignore": "2" }),
);
const WITHIN_MS = 60_000;
const SSH = "192.0.2.9 50001 192.0.2.1 22";

/** A clock since boot that a test moves. */
class BootClock {
  ms = 1_000;
  readonly deps: ApplyDeps["clock"] = { nowMs: () => 1_795_000_000_000, sleep: async () => {}, bootMs: () => this.ms };
}

/** A confirmation that remembers what it was armed with. */
function confirmation(armed: number[] = [], connection?: string): Confirmation {
  const arm = async (deadlineMs: number): Promise<void> => void armed.push(deadlineMs);
  return { withinMs: WITHIN_MS, arm, ...(connection === undefined ? {} : { connection }) };
}

interface Story {
  readonly bench: Bench;
  readonly clock: BootClock;
  readonly oldText: string;
  readonly newText: string;
}

/** The new state stands and waits. */
async function unconfirmed(connection?: string): Promise<Story> {
  const bench = await benchWith(OLD);
  const oldText = bench.machine.print();
  const clock = new BootClock();
  const more = { clock: clock.deps, confirmation: confirmation([], connection) };
  expect((await applyOn(depsOf(bench, new Faults(), more), NEW)).kind).toBe("unconfirmed");
  return { bench, clock, oldText, newText: bench.machine.print() };
}

const at = ({ bench, clock }: Pick<Story, "bench" | "clock">, faults = new Faults()): ApplyDeps =>
  depsOf(bench, faults, { clock: clock.deps });

afterEach(() => {
  expect(LeakError.seen).toEqual([]);
});

describe("an apply that has to be confirmed", () => {
  test("law 5: the watchdog is armed before the first write, and again when the new state is in place", async () => {
    const bench = await benchWith(OLD);
    const clock = new BootClock();
    const armed: number[] = [];
    const logs: number[] = [];
    const reported = confirmation(armed);
    const arm = async (deadlineMs: number): Promise<void> => {
      logs.push(bench.disk.log.length + bench.machine.log.length);
      clock.ms += 500;
      await reported.arm(deadlineMs);
    };
    const outcome = await applyOn(
      depsOf(bench, new Faults(), { clock: clock.deps, confirmation: { ...reported, arm } }),
      NEW,
    );
    expect(armed).toEqual([61_000, 61_500]);
    expect(logs[0]).toBe(0);
    expect(outcome).toMatchObject({ kind: "unconfirmed", deadlineMs: 61_500, proposed: { number: 2 } });
    expect(bench.disk.ledger.generation, "nothing is accepted yet").toBe(1);
    expect(bench.disk.generations.map(({ number }) => number)).toEqual([1]);
  });

  test("law 5: when no watchdog would revert, nothing is written", async () => {
    const bench = await benchWith(OLD);
    const before = bench.machine.print();
    const arm = async (): Promise<void> => Promise.reject(new Error("no keeper"));
    const deps = depsOf(bench, new Faults(), { confirmation: { withinMs: WITHIN_MS, arm } });
    await expect(applyOn(deps, NEW)).rejects.toThrow("no keeper");
    expect([bench.machine.print(), bench.disk.log, bench.machine.log]).toEqual([before, [], []]);
  });

  test("when the second arming fails, the old state is restored at once", async () => {
    const bench = await benchWith(OLD);
    const before = bench.machine.print();
    let calls = 0;
    const arm = async (): Promise<void> => {
      if (++calls === 2) throw new Error("the keeper died");
    };
    const outcome = await applyOn(depsOf(bench, new Faults(), { confirmation: { withinMs: WITHIN_MS, arm } }), NEW);
    expect(outcome.kind).toBe("rolledBack");
    expect([bench.machine.print(), bench.disk.journal]).toEqual([before, []]);
  });

  test("law 3: nothing to change needs no confirmation", async () => {
    const bench = await benchWith(OLD);
    const armed: number[] = [];
    const outcome = await applyOn(depsOf(bench, new Faults(), { confirmation: confirmation(armed) }), OLD);
    expect([outcome.kind, armed]).toEqual(["inSync", []]);
  });
});

describe("confirm", () => {
  test("accepts exactly what was verified", async () => {
    const story = await unconfirmed();
    expect(await confirmTransaction(at(story), undefined)).toBe(2);
    expect(story.bench.machine.print()).toBe(story.newText);
    expect(story.bench.disk.journal).toEqual([]);
    expect(story.bench.disk.ledger.generation).toBe(2);
    expect((await planOn(at(story), NEW)).plan.batches).toEqual([]);
  });

  test("is refused over the SSH connection that applied, and accepted over another", async () => {
    const story = await unconfirmed(SSH);
    await expect(confirmTransaction(at(story), SSH)).rejects.toMatchObject({ kind: "usage" });
    expect((await readOpenTransaction(at(story).stores.journal))?.unconfirmed?.connection).toBe(SSH);
    expect(await confirmTransaction(at(story), SSH.replace("50001", "50002"))).toBe(2);
  });

  test("is refused over another connection that was open before the new state was in place", async () => {
    const story = await unconfirmed(SSH);
    const other = SSH.replace("50001", "50002");
    await expect(confirmTransaction(at(story), other, 999)).rejects.toMatchObject({ kind: "usage" });
    expect((await readOpenTransaction(at(story).stores.journal))?.unconfirmed?.standsMs).toBe(1_000);
    expect(await confirmTransaction(at(story), other, 1_001)).toBe(2);
  });

  test("over an older connection is fine where none applied", async () => {
    expect(await confirmTransaction(at(await unconfirmed()), SSH, 1)).toBe(2);
  });

  test("over the same connection is fine where none applied", async () => {
    const story = await unconfirmed();
    expect(await confirmTransaction(at(story), SSH)).toBe(2);
  });

  test("with nothing to confirm says so and changes nothing", async () => {
    const bench = await benchWith(OLD);
    await expect(confirmTransaction(depsOf(bench), undefined)).rejects.toMatchObject({ kind: "usage" });
    expect(bench.disk.log).toEqual([]);
  });

  test("law 5: too late restores the old state", async () => {
    const story = await unconfirmed();
    story.clock.ms += WITHIN_MS;
    await expect(confirmTransaction(at(story), undefined)).rejects.toMatchObject({ kind: "unconfirmed" });
    expect([story.bench.machine.print(), story.bench.disk.journal]).toEqual([story.oldText, []]);
  });

  test("law 5: after a reboot nothing can be confirmed any more", async () => {
    const story = await unconfirmed();
    story.bench.disk.boot++;
    await expect(confirmTransaction(at(story), undefined)).rejects.toMatchObject({ kind: "unconfirmed" });
    expect(story.bench.disk.ledger.generation).toBe(1);
  });
});

describe("what is not confirmed", () => {
  test("law 4: other writing verbs leave it alone until the deadline, and roll it back after it", async () => {
    const story = await unconfirmed();
    story.clock.ms += WITHIN_MS - 1;
    await expect(recoverOpenJournal(at(story))).rejects.toMatchObject({
      kind: "locked",
      remedy: expect.stringContaining("awg confirm"),
    });
    expect(story.bench.machine.print()).toBe(story.newText);
    story.clock.ms += 1;
    expect((await recoverOpenJournal(at(story)))?.kind).toBe("rolledBack");
    expect([story.bench.machine.print(), story.bench.disk.journal]).toEqual([story.oldText, []]);
  });

  test("the keeper's revert does nothing before the deadline; a person's does at once", async () => {
    const story = await unconfirmed();
    expect(await revertTransaction(at(story), true)).toBeUndefined();
    expect(story.bench.machine.print()).toBe(story.newText);
    expect((await revertTransaction(at(story), false))?.kind).toBe("rolledBack");
    expect(story.bench.machine.print()).toBe(story.oldText);
    expect(await revertTransaction(at(story), false)).toBeUndefined();
  });

  test("law 5: a journal cut before the record is rolled back as any", async () => {
    const story = await unconfirmed();
    expect(story.bench.disk.journal.pop()?.record.type).toBe("unconfirmed");
    expect((await revertTransaction(at(story), true))?.kind).toBe("rolledBack");
    expect(story.bench.machine.print()).toBe(story.oldText);
  });

  test("law 5: a rollback that began cannot be confirmed", async () => {
    const story = await unconfirmed();
    const { stores } = at(story);
    await stores.journal.append({ type: "rollback", cause: "by hand" });
    expect(readTransaction(await stores.journal.read(), "here")?.unconfirmed).toBeUndefined();
    await expect(confirmTransaction(at(story), undefined)).rejects.toMatchObject({ kind: "usage" });
  });
});

describe("law 1: revert of a destroy that was interrupted", () => {
  test("gives the old state at whatever write it died, and opens nothing; the keeper's leaves it", async () => {
    const start = await benchWith(OLD);
    const oldText = start.machine.print();
    const nothing = state();
    let undone = 0;
    for (let write = 1; ; write++) {
      const bench = copyBench(start);
      const faults = new Faults(write, write % 2 === 0 ? "crash-before" : "crash-after");
      await applyOn(depsOf(bench, faults), nothing).catch(() => undefined);
      if (!faults.fired) break;
      const open = await readOpenTransaction(depsOf(bench).stores.journal);
      if (open === undefined || open.accept !== undefined) continue;
      const unattended = copyBench(bench);
      const half = unattended.machine.print();
      expect(await revertTransaction(depsOf(unattended), true)).toBeUndefined();
      expect(unattended.machine.print()).toBe(half);
      expect((await revertTransaction(depsOf(bench), false))?.kind).toBe("rolledBack");
      expect([bench.machine.print(), bench.disk.journal, bench.disk.ledger.generation]).toEqual([oldText, [], 1]);
      undone++;
    }
    expect(undone).toBeGreaterThan(3);
  });

  test.each(["crash-before", "crash-after", "fail-before"] as const)(
    "with a %s at any write of its own, has begun by the journal or has changed nothing",
    async (kind) => {
      const start = await benchWith(OLD);
      const oldText = start.machine.print();
      await applyOn(depsOf(start, new Faults(9, "crash-after")), state()).catch(() => undefined);
      const half = start.machine.print();
      expect(half).not.toBe(oldText);
      let begun = 0;
      for (let write = 1; ; write++) {
        const bench = copyBench(start);
        const faults = new Faults(write, kind, true);
        await revertTransaction(depsOf(bench, faults), false).catch(() => undefined);
        if (!faults.fired) break;
        if (!bench.disk.journal.some(({ record }) => record.type === "rollback")) {
          if (bench.disk.journal.length > 0) expect(bench.machine.print()).toBe(half);
          continue;
        }
        await recoverOpenJournal(depsOf(bench));
        expect([bench.machine.print(), bench.disk.journal]).toEqual([oldText, []]);
        begun++;
      }
      expect(begun).toBeGreaterThan(3);
    },
  );

  test("undoes nothing where the journal takes no record: what recovers it next would go on with the destroy", async () => {
    const bench = await benchWith(OLD);
    await applyOn(depsOf(bench, new Faults(9, "crash-after")), state()).catch(() => undefined);
    const half = bench.machine.print();
    const { stores, ...deps } = depsOf(bench);
    const append = async () => Promise.reject(new Error("the disk is full"));
    const journal = Object.assign(Object.create(stores.journal), { append });
    await expect(revertTransaction({ ...deps, stores: { ...stores, journal } }, false)).rejects.toThrow("disk is full");
    expect(bench.machine.print()).toBe(half);
  });
});

describe("the verdict", () => {
  const proposed = { number: 2, acceptedMs: 1_795_000_000_000 };

  test("is waiting, then confirmed", async () => {
    const story = await unconfirmed();
    expect(await readVerdict(at(story), proposed)).toBe("waiting");
    await confirmTransaction(at(story), undefined);
    expect(await readVerdict(at(story), proposed)).toBe("confirmed");
  });

  test("is reverted, although another change took the same number", async () => {
    const story = await unconfirmed();
    await revertTransaction(at(story), false);
    expect(await readVerdict(at(story), proposed)).toBe("reverted");
    const clock = { ...story.clock.deps, nowMs: () => proposed.acceptedMs + 5 };
    expect(await applyOn(depsOf(story.bench, new Faults(), { clock }), NEW)).toMatchObject({ generation: 2 });
    expect(await readVerdict(at(story), proposed)).toBe("reverted");
  });
});

describe("law 5: crashes between unconfirmed and its end", () => {
  type End = (deps: ApplyDeps) => Promise<Outcome | number | undefined>;
  const ends: readonly (readonly [string, End])[] = [
    ["confirm", (deps) => confirmTransaction(deps, undefined)],
    ["revert", (deps) => revertTransaction(deps, false)],
  ];

  test.each(ends)(
    "at every write of %s: exactly old or exactly new, and never new once it went back",
    async (_name, end) => {
      const story = await unconfirmed();
      for (const kind of ["crash-before", "crash-after"] as const) {
        for (let write = 1; ; write++) {
          const bench = copyBench(story.bench);
          guardPolicy(bench.machine, [OLD, NEW]);
          const faults = new Faults(write, kind);
          await end(at({ bench, clock: story.clock }, faults)).catch((error: unknown) => {
            if (!(error instanceof CrashError)) throw error;
          });
          const wentBack = bench.disk.journal.some(({ record }) => record.type === "rollback");
          const late = new BootClock();
          late.ms = story.clock.ms + WITHIN_MS;
          await revertTransaction(at({ bench, clock: late }), true);
          const isNew = bench.machine.print() === story.newText;
          if (!isNew) expect(bench.machine.print()).toBe(story.oldText);
          if (wentBack) expect(isNew).toBe(false);
          expect([bench.disk.journal, bench.disk.ledger.generation]).toEqual([[], isNew ? 2 : 1]);
          if (!faults.fired) break;
        }
      }
    },
  );

  test("at every write of the apply itself: the keeper's revert at the deadline gives the old state", async () => {
    const start = await benchWith(OLD);
    const oldText = start.machine.print();
    for (let write = 1; ; write++) {
      const bench = copyBench(start);
      guardPolicy(bench.machine, [OLD, NEW]);
      const clock = new BootClock();
      const faults = new Faults(write, write % 2 === 0 ? "crash-before" : "crash-after");
      const deps = depsOf(bench, faults, { clock: clock.deps, confirmation: confirmation() });
      await applyOn(deps, NEW).catch(() => undefined);
      clock.ms += WITHIN_MS;
      await revertTransaction(at({ bench, clock }), true);
      expect([bench.machine.print(), bench.disk.journal, bench.disk.ledger.generation]).toEqual([oldText, [], 1]);
      if (!faults.fired) break;
    }
  });
});

test("law 9: a revert that could not be carried out names what hindered it", () => {
  const [cause, rollbackCause] = [new Error("not confirmed"), new Error("the keeper is stopped")];
  const failure = revertFailure({ kind: "rollbackIncomplete", cause, rollbackCause, journal: "/j", blocked: true });
  expect(failure.message).toContain("the old state could not be restored (the keeper is stopped); traffic is blocked");
});
