import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../src/model/canonical.ts";
import type { DesiredState } from "../../../src/model/resources/desired-state.ts";
import { revertTransaction } from "../../../src/reconciler/apply/confirm.ts";
import type { ApplyDeps, Outcome } from "../../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal, recoverTowards } from "../../../src/reconciler/apply/recover.ts";
import type { Generation } from "../../../src/reconciler/journal/generation.ts";
import { readOpenTransaction } from "../../../src/reconciler/journal/open-transaction.ts";
import type { ProposalRecord } from "../../../src/reconciler/journal/stores.ts";
import type { Ledger } from "../../../src/reconciler/plan/ledger.ts";
import { CrashError, type FaultKind, Faults } from "../../support/faults.ts";
import { applyOn, type Bench, benchWith, copyBench, depsOf, planOn } from "../run.ts";
import { allowedBy, firewall, link, resolver, rules, SCENARIOS, state, sysctl, table, tunnel } from "../scenarios.ts";

const nothing = state();
const office = SCENARIOS["first apply"]?.to ?? nothing;
/** Another tunnel, policy, table and setting: what the office left must go. */
const home = state(
  firewall("192.0.2.9"),
  sysctl({ "net.ipv4.conf.all.rp_filter": "2" }),
  link("home"),
  tunnel("home"),
  table("home", 102, ["0.0.0.0/1", "128.0.0.0/1"]),
  rules(102),
  resolver("10.9.0.1"),
);
const open = state(link("office"), tunnel("office"));

/** A first apply that died at its n-th write; with `ended` it did not come to that. */
async function killedAt(at: number, kind: FaultKind): Promise<{ bench: Bench; ended: boolean }> {
  const bench = await benchWith(nothing);
  const faults = new Faults(at, kind);
  await applyOn(depsOf(bench, faults), office).catch(() => undefined);
  return { bench, ended: !faults.fired };
}

/** Every state that a killed first apply leaves: before and after each write to machine and journal, a torn record among them. */
async function everyKilled(): Promise<readonly Bench[]> {
  const left: Bench[] = [];
  for (const kind of ["crash-before", "crash-after"] as const) {
    for (let at = 1; ; at++) {
      const { bench, ended } = await killedAt(at, kind);
      if (ended) break;
      left.push(bench);
    }
  }
  return left;
}

/** The policy, once it stood, is looked for before and after each write. */
function watchPolicy({ machine }: Bench): { gone: string[] } {
  const seen = { gone: [] as string[] };
  let stood = machine.policy() !== null;
  const look = () => {
    if (stood && machine.policy() === null) seen.gone.push(machine.log.at(-1) ?? "from the beginning");
    stood ||= machine.policy() !== null;
  };
  machine.onWrite = look;
  machine.meddle = look;
  return seen;
}

/** What `awg apply` does about an open journal and then. */
async function nextApply(deps: ApplyDeps, desired: DesiredState): Promise<Outcome> {
  const recovered = await recoverTowards(deps, { verb: "apply", desired });
  if (recovered?.kind === "rollbackIncomplete") return recovered;
  return await applyOn(deps, desired, recovered?.kind === "held" ? recovered.firstIndex : 0);
}

async function textOf(desired: DesiredState): Promise<string> {
  return (await benchWith(desired)).machine.print();
}

/** What an apply of this state writes down as accepted. */
async function acceptanceOf(desired: DesiredState): Promise<{ generation: Generation; ledger: Ledger }> {
  const { ledger, generations } = (await benchWith(desired)).disk;
  const [generation] = generations;
  if (generation === undefined) throw new Error("nothing was accepted");
  return { generation, ledger };
}

async function expectAccepted(bench: Bench, desired: DesiredState): Promise<void> {
  expect(bench.machine.print()).toBe(await textOf(desired));
  expect(bench.disk.journal).toEqual([]);
  expect(bench.disk.ledger).toEqual((await benchWith(desired)).disk.ledger);
  expect((await planOn(depsOf(bench), desired)).plan.batches).toEqual([]);
}

describe("laws 1, 5, 6: an apply after a first apply that was killed", () => {
  for (const [name, desired] of Object.entries({ "the same": office, another: home })) {
    test(`${name}: wherever it was, the loaded policy never goes, and the end is as without the kill`, async () => {
      const killed = await everyKilled();
      expect(killed.length).toBeGreaterThan(40);
      for (const bench of killed) {
        const isAccepted = bench.disk.journal.some(({ record }) => record.type === "accept");
        const seen = watchPolicy(bench);
        const outcome = await nextApply(depsOf(bench), desired);
        expect(outcome.kind).toMatch(/applied|inSync/);
        expect(seen.gone).toEqual([]);
        if (isAccepted || bench.disk.ledger.generation > 1) {
          expect(bench.machine.policy()).not.toBeNull();
          continue;
        }
        await expectAccepted(bench, desired);
        await applyOn(depsOf(bench), nothing);
        expect(bench.machine.print()).toBe(await textOf(nothing));
      }
    });
  }

  for (const kind of ["fail-before", "fail-after"] as const) {
    test(`${kind} at any write of it: the new state, or the machine as it was before the first`, async () => {
      let restored = 0;
      for (const crash of ["crash-before", "crash-after"] as const) {
        for (let at = 3; ; at += 3) {
          const { bench: left, ended } = await killedAt(at, crash);
          if (ended || left.disk.journal.some(({ record }) => record.type === "accept")) break;
          for (let second = 1; ; second++) {
            const bench = copyBench(left);
            const faults = new Faults(second, kind);
            const outcome = await nextApply(depsOf(bench, faults), home).catch(() => undefined);
            await recoverOpenJournal(depsOf(bench));
            expect(bench.disk.journal).toEqual([]);
            if (outcome?.kind === "applied") expect(bench.machine.print()).toBe(await textOf(home));
            else expect(bench.machine.print()).toBe(await textOf(nothing));
            restored += outcome?.kind === "rolledBack" ? 1 : 0;
            if (!faults.fired) break;
          }
        }
      }
      expect(restored).toBeGreaterThan(100);
    });
  }

  test("killed too, at any write: a third has the policy stand all the time, and a revert restores the first machine", async () => {
    for (let at = 3; ; at += 4) {
      const { bench: left, ended } = await killedAt(at, at % 2 === 0 ? "crash-before" : "crash-after");
      if (ended || left.disk.journal.some(({ record }) => record.type === "accept")) break;
      for (let second = 1; ; second++) {
        const bench = copyBench(left);
        const faults = new Faults(second, second % 2 === 0 ? "crash-before" : "crash-after");
        const seen = watchPolicy(bench);
        await nextApply(depsOf(bench, faults), home).catch(() => undefined);
        if (!faults.fired) break;
        const isAccepted = bench.disk.journal.some(({ record }) => record.type === "accept");
        const reverted = copyBench(bench);
        await recoverOpenJournal(depsOf(reverted));
        if (bench.disk.journal.length > 0) {
          expect(reverted.machine.print()).toBe(await textOf(isAccepted ? home : nothing));
          expect(reverted.disk.journal).toEqual([]);
        }
        expect((await nextApply(depsOf(bench), office)).kind).toMatch(/applied|inSync/);
        expect(seen.gone).toEqual([]);
        if (bench.disk.ledger.generation === 1) await expectAccepted(bench, office);
        else expect(bench.machine.print()).toBe(await textOf(office));
      }
    }
  });
});

/** A first apply that was killed when its policy stood and more. */
async function halfMade(): Promise<Bench> {
  const { bench } = await killedAt(12, "crash-after");
  expect(bench.machine.policy()).not.toBeNull();
  expect(bench.disk.journal.length).toBeGreaterThan(4);
  return bench;
}

describe("law 1: an apply after a destroy that was interrupted", () => {
  test("keeps the loaded packet filter, at whatever write the destroy died, but for a daemon's repair", async () => {
    const start = await benchWith(office);
    let kept = 0;
    for (let write = 1; ; write++) {
      const bench = copyBench(start);
      const faults = new Faults(write, write % 2 === 0 ? "crash-before" : "crash-after");
      await applyOn(depsOf(bench, faults), nothing).catch(() => undefined);
      if (!faults.fired) break;
      const now = await readOpenTransaction(depsOf(bench).stores.journal);
      if (now === undefined || now.accept !== undefined) continue;
      const repaired = copyBench(bench);
      const repair = { verb: "apply", desired: office, isRepair: true } as const;
      expect((await recoverTowards(depsOf(repaired), repair))?.kind).toBe("applied");
      expect(repaired.machine.policy()).toBeNull();
      const seen = watchPolicy(bench);
      if (bench.machine.policy() !== null) kept += 1;
      expect((await recoverTowards(depsOf(bench), { verb: "apply", desired: home }))?.kind).toBe("rolledBack");
      expect((await applyOn(depsOf(bench), home)).kind).toBe("applied");
      expect(seen.gone).toEqual([]);
      expect(bench.machine.print()).toBe(await textOf(home));
    }
    expect(kept).toBeGreaterThan(3);
  });
});

describe("what goes on, and what goes back", () => {
  const beginning = { verb: "apply", desired: office } as const;

  test("the journal names the owner of its transaction", async () => {
    const bench = await halfMade();
    const deps = depsOf(bench);
    const held = await recoverTowards(deps, { verb: "apply", desired: home });
    const { plan } = await planOn(deps, home);
    const faults = new Faults(2, "crash-after");
    await applyOn(depsOf(bench, faults), home, held?.kind === "held" ? held.firstIndex : 0).catch(() => undefined);
    expect(plan.batches.length).toBeGreaterThan(0);
    const now = await readOpenTransaction(depsOf(bench).stores.journal);
    expect(now?.begin).toMatchObject({ verb: "apply", generation: 1, configHash: canonicalJson(home) });
    expect(bench.disk.journal.filter(({ record }) => record.type === "begin")).toHaveLength(2);
  });

  test("a state without a packet filter, a destroy, and one that was on trial go back completely", async () => {
    const withoutPolicy = await halfMade();
    expect((await recoverTowards(depsOf(withoutPolicy), { verb: "apply", desired: open }))?.kind).toBe("rolledBack");
    expect(withoutPolicy.machine.print()).toBe(await textOf(nothing));

    const destroyed = await halfMade();
    expect((await recoverTowards(depsOf(destroyed), { verb: "destroy", desired: nothing }))?.kind).toBe("applied");
    expect(destroyed.machine.print()).toBe(await textOf(nothing));

    const { generation, ledger } = await acceptanceOf(office);
    const onTrial = await halfMade();
    const { journal } = depsOf(onTrial).stores;
    await journal.append({ type: "unconfirmed", deadlineMs: 0, generation, ledger });
    await journal.append({ type: "rollback", cause: "it was not confirmed in time" });
    expect((await recoverTowards(depsOf(onTrial), beginning))?.kind).toBe("rolledBack");
    expect(onTrial.machine.print()).toBe(await textOf(nothing));
  });

  test("an interrupted undo, at any write of it, goes on behind the packet filter as long as that is loaded", async () => {
    let held = 0;
    for (let at = 1; ; at++) {
      const bench = await halfMade();
      const faults = new Faults(at, at % 2 === 0 ? "crash-before" : "crash-after");
      await recoverOpenJournal(depsOf(bench, faults)).catch(() => undefined);
      if (!faults.fired) break;
      const seen = watchPolicy(bench);
      const recovered = await recoverTowards(depsOf(bench), { verb: "apply", desired: home });
      if (recovered?.kind === "held") held += 1;
      const index = recovered?.kind === "held" ? recovered.firstIndex : 0;
      expect((await applyOn(depsOf(bench), home, index)).kind).toBe("applied");
      expect(seen.gone).toEqual([]);
      await expectAccepted(bench, home);
    }
    expect(held).toBeGreaterThan(5);
  });

  test("whatever fails for good from some write on: what an undo left blocked is not opened by the next apply", async () => {
    let blocked = 0;
    for (let at = 2; at < 30; at++) {
      const bench = await benchWith(nothing);
      const outcome = await applyOn(depsOf(bench, new Faults(at, "fail-before", true)), office).catch(() => undefined);
      if (outcome?.kind !== "rollbackIncomplete") continue;
      if (bench.machine.policy() !== null) blocked += 1;
      const seen = watchPolicy(bench);
      expect((await nextApply(depsOf(bench), home)).kind).toMatch(/applied|inSync/);
      expect(seen.gone).toEqual([]);
      await expectAccepted(bench, home);
    }
    expect(blocked).toBeGreaterThan(10);
  });

  test("law 5: one that has to be confirmed and is not goes back to the machine before the first run, at the deadline", async () => {
    const bench = await halfMade();
    let bootMs = 1_000;
    const clock = { nowMs: () => 0, sleep: async () => {}, bootMs: () => bootMs };
    const confirmation = { withinMs: 60_000, arm: async () => {} };
    const refused: (string | undefined)[] = [];
    const deps = (more: Partial<ApplyDeps> = {}): ApplyDeps => {
      const made = depsOf(bench, new Faults(), { clock, ...more });
      const write = async (record: ProposalRecord) => void refused.push(record.refused);
      return { ...made, stores: { ...made.stores, proposals: { read: async () => ({}), write } } };
    };
    const held = await recoverTowards(deps(), { verb: "apply", desired: home });
    const outcome = await applyOn(deps({ confirmation }), home, held?.kind === "held" ? held.firstIndex : 0);
    expect(outcome.kind).toBe("unconfirmed");
    await expect(recoverTowards(deps(), beginning)).rejects.toMatchObject({ kind: "locked" });
    expect(await revertTransaction(deps(), true)).toBeUndefined();
    bootMs += 60_000;
    expect((await recoverTowards(deps(), beginning))?.kind).toBe("rolledBack");
    expect(refused).toEqual([canonicalJson(home)]);
    expect(bench.machine.print()).toBe(await textOf(nothing));
    expect(bench.disk.journal).toEqual([]);
  });

  test("after a reboot nothing of the policy is left to be held", async () => {
    const bench = await halfMade();
    bench.disk.boot += 1;
    for (const place of [...bench.machine.places.keys()])
      if (!/sysctl|eth0/.test(place)) bench.machine.places.delete(place);
    expect((await recoverTowards(depsOf(bench), beginning))?.kind).toBe("rolledBack");
    expect(bench.disk.journal).toEqual([]);
  });

  test("a change of a policy that was accepted goes back to that", async () => {
    const bench = await benchWith(office);
    await applyOn(depsOf(bench, new Faults(8, "crash-after")), home).catch(() => undefined);
    const seen = watchPolicy(bench);
    expect((await recoverTowards(depsOf(bench), { verb: "apply", desired: home }))?.kind).toBe("rolledBack");
    expect(bench.machine.print()).toBe(await textOf(office));
    expect(seen.gone).toEqual([]);
  });

  test("what cannot be undone leaves the machine blocked and the journal open; the next one repairs it", async () => {
    const bench = await halfMade();
    const seen = watchPolicy(bench);
    const outcome = await recoverTowards(depsOf(bench, new Faults(1, "fail-before", true)), beginning);
    expect(outcome).toMatchObject({ kind: "rollbackIncomplete", blocked: true });
    expect((await nextApply(depsOf(bench), office)).kind).toBe("applied");
    expect(seen.gone).toEqual([]);
    await expectAccepted(bench, office);
  });

  test("others took the device away: the rest is put back by a plan, and the policy stays", async () => {
    const { bench } = await killedAt(20, "crash-after");
    expect(bench.machine.places.has("link awg-office")).toBe(true);
    expect(bench.disk.generations).toEqual([]);
    const seen = watchPolicy(bench);
    bench.machine.remove("link awg-office");
    expect((await nextApply(depsOf(bench), home)).kind).toBe("applied");
    expect(seen.gone).toEqual([]);
    await expectAccepted(bench, home);
  });

  test("an inverse step does not fit: by a plan, too, what the first run made is not taken for the old state", async () => {
    const bench = await halfMade();
    let refused = 0;
    bench.machine.onWrite = ({ log }) => {
      if (log.at(-1) !== "delete tunnel/office" || refused === 3) return;
      refused += 1;
      throw new Error("busy");
    };
    const held = await recoverTowards(depsOf(bench), beginning);
    refused = 0;
    const deps = depsOf(bench, new Faults(), { probe: async () => "no answer" });
    const outcome = await applyOn(deps, office, held?.kind === "held" ? held.firstIndex : 0);
    expect(refused).toBe(3);
    expect(outcome.kind).toBe("rolledBack");
    expect(bench.machine.print()).toBe(await textOf(nothing));
  });

  test("the first try's policy does not come back when a stricter one has followed", async () => {
    const bench = await halfMade();
    const held = await recoverTowards(depsOf(bench), { verb: "apply", desired: home });
    const faults = new Faults();
    const dying = depsOf(bench, faults, {
      probe: async () => {
        faults.crashed = true;
        throw new CrashError("a probe");
      },
    });
    await applyOn(dying, home, held?.kind === "held" ? held.firstIndex : 0).catch(() => undefined);
    expect(allowedBy(bench.machine.policy())).toEqual(new Set(["192.0.2.9"]));
    bench.machine.meddle = ({ log }) => {
      expect(allowedBy(bench.machine.policy()), log.at(-1)).toEqual(new Set(["192.0.2.9"]));
    };
    expect((await nextApply(depsOf(bench), home)).kind).toBe("applied");
    await expectAccepted(bench, home);
  });

  test("a plan for a closed journal is not carried out in an open one, nor the reverse", async () => {
    const bench = await halfMade();
    await expect(applyOn(depsOf(bench), office)).rejects.toMatchObject({ kind: "bug" });
    await expect(applyOn(depsOf(await benchWith(nothing)), office, 3)).rejects.toMatchObject({ kind: "bug" });
  });
});
