import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { applyPlanned } from "../../../src/app/apply/apply-planned.ts";
import { duePolicies, type RestoredPolicy, restorePolicy } from "../../../src/app/protect/restore-policy.ts";
import { messageOf, restoredNote } from "../../../src/model/error.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { blockedPolicy } from "../../../src/model/firewall/transition.ts";
import type { Generation } from "../../../src/reconciler/journal/generation.ts";
import type { OpenTransaction } from "../../../src/reconciler/journal/open-transaction.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { openTestSession } from "../../support/test-session.ts";

const newBench = useSimulatedBench();

interface MachineText {
  readonly firewall: { readonly policy: FirewallPolicy | null; readonly held: boolean; readonly damage: string[] };
  readonly faults?: readonly unknown[];
}

const machineOf = (bench: SimulatedBench) => JSON.parse(bench.read()) as MachineText;

function change(
  bench: SimulatedBench,
  changes: Partial<MachineText["firewall"]>,
  faults?: MachineText["faults"],
): void {
  const { firewall, ...rest } = machineOf(bench);
  const changed = { ...rest, firewall: { ...firewall, ...changes }, ...(faults === undefined ? {} : { faults }) };
  writeFileSync(bench.file, JSON.stringify(changed));
}

/** What `restorePolicy` finds, in a process of its own. */
async function restore(bench: SimulatedBench): Promise<RestoredPolicy | undefined> {
  const host = { kind: "simulated", file: bench.file } as const;
  await using session = await openTestSession({ host, allowInsecurePermissions: false, environment: {} });
  return session.restorePolicy();
}

async function protectedBench() {
  const bench = newBench();
  await bench.apply(bench.config({ office: {} }));
  const accepted = machineOf(bench).firewall.policy;
  if (accepted === null) throw new Error("nothing stands");
  return { bench, accepted };
}

describe("law 1: the packet filter that ought to stand", () => {
  test.each([
    ["gone", { policy: null, held: false }, "the packet filter was gone"],
    ["damaged", { held: false, damage: ["a rule is missing"] }, "the packet filter was damaged (a rule is missing)"],
    ["whole, but anybody may flush it", { held: false }, "no process owned the packet filter"],
  ])("is %s: it stands again, held, and the generation is the same", async (_, changes, wrong) => {
    const { bench, accepted } = await protectedBench();
    change(bench, changes);
    expect(await restore(bench)).toEqual({ wrong, restored: "yes" });
    expect(machineOf(bench).firewall).toMatchObject({ policy: accepted, held: true, damage: [] });
    expect(await restore(bench)).toBeUndefined();
    expect(await bench.ask((session) => session.history())).toHaveLength(1);
  });

  test("law 3: is loaded: nothing is written", async () => {
    const { bench } = await protectedBench();
    const before = bench.read();
    expect(await restore(bench)).toBeUndefined();
    expect(bench.read()).toBe(before);
  });

  test("S1.4: is not taken: all traffic is blocked, and why is said", async () => {
    const { bench } = await protectedBench();
    change(bench, { policy: null, held: false }, [{ at: 1, fault: { kind: "fail", error: "host", times: 4 } }]);
    expect(await restore(bench)).toMatchObject({
      restored: "blocked",
      refusal: expect.stringContaining("refused firewall.load"),
    });
    expect(machineOf(bench).firewall.policy).toEqual(blockedPolicy());
  });

  test("S1.7: is gone while another awg holds the lock: it is loaded at once, and held as soon as the lock is free", async () => {
    const { bench, accepted } = await protectedBench();
    change(bench, { policy: null, held: false });
    await bench.ask(async ({ host: { parts } }) => {
      await using _another = await parts.lock("apply");
      expect(await restorePolicy(parts)).toEqual({ wrong: "the packet filter was gone", restored: "yes" });
      await expect(restorePolicy(parts)).rejects.toMatchObject({ kind: "locked" });
    });
    expect(machineOf(bench).firewall).toMatchObject({ policy: accepted, held: false });
    expect(await restore(bench)).toEqual({ wrong: "no process owned the packet filter", restored: "yes" });
    expect(machineOf(bench).firewall.held).toBe(true);
  });

  test("is gone because the awg that holds the lock just removed it: it stays gone", async () => {
    const { bench } = await protectedBench();
    await bench.ask(async (session) => {
      const planned = await session.planDestroy();
      const { host, stores } = session.host.parts;
      let seen: unknown;
      const watched = {
        ...host.firewall,
        load: async (...args: Parameters<typeof host.firewall.load>) => {
          await host.firewall.load(...args);
          if (args[0] === null) seen = await restorePolicy(session.host.parts).catch((error: unknown) => error);
        },
      };
      const parts = { ...session.host.parts, host: { ...host, firewall: watched }, stores };
      await applyPlanned(parts, { planned }, { onEvent: () => {}, shouldStop: () => undefined }, () => {});
      expect(seen).toMatchObject({ kind: "locked" });
    });
    expect(machineOf(bench).firewall.policy).toBeNull();
  });

  test("none is due after a destroy", async () => {
    const { bench } = await protectedBench();
    await bench.destroy();
    expect(await restore(bench)).toBeUndefined();
    expect(machineOf(bench).firewall.policy).toBeNull();
  });

  test("is gone when a change is refused for its key: it is loaded again, and the error says so", async () => {
    const { bench, accepted } = await protectedBench();
    change(bench, { policy: null, held: false });
    const error = await bench.ask(async (session) => {
      chmodSync(join(bench.folder, "key"), 0o666);
      const loaded = await session.load([{ name: "awg.yaml", text: bench.config({ office: {} }), mode: 0o600 }]);
      return session.plan(loaded).catch((cause: unknown) => session.ifUnreadable(cause, "protect"));
    });
    expect(messageOf(error)).toMatch(/key/);
    expect(messageOf(error)).not.toContain("packet filter");
    expect(restoredNote(error)).toBe("the packet filter was gone; it is loaded again");
    expect(machineOf(bench).firewall.policy).toEqual(accepted);
  });
});

describe("which policy is due", () => {
  const policy = (port: number): FirewallPolicy => {
    const [layer] = blockedPolicy().layers;
    if (layer === undefined) throw new Error("the blocked policy has no layer");
    return { ...blockedPolicy(), layers: [{ ...layer, listens: [{ port, user: 0 }] as never }] };
  };
  const [old, fresh] = [policy(1), policy(2)];
  const generation = (spec: FirewallPolicy): Generation => {
    const desired = { resources: [{ kind: "firewall", key: "firewall/machine", spec } as const] };
    return { number: 1, configHash: "", acceptedMs: 0, desired, pathNumbers: {}, secretIds: [] };
  };
  const open = (sameBoot: boolean, more: Partial<OpenTransaction>): OpenTransaction => {
    const place = { kind: "firewall", key: "firewall/machine", action: "update", phase: "flip" } as const;
    const steps = [{ ...place, before: old, after: fresh, changes: [], reason: "" }];
    const batch = { kind: "firewall", phase: "flip", steps } as never;
    const begin = { type: "begin", verb: "apply", configHash: "", generation: 2, startedMs: 0 } as const;
    const batches = [{ index: 0, batch, undone: false, sameBoot }];
    const ends = {
      accept: undefined,
      unconfirmed: undefined,
      wasOnTrial: false,
      rollbackCause: undefined,
      blocked: false,
    };
    return { begin, batches, ...ends, ...more };
  };
  const ledger = { generation: 2, entries: [] };
  const waiting = {
    type: "unconfirmed",
    deadlineMs: 100,
    generation: generation(fresh),
    ledger,
    sameBoot: true,
  } as const;

  test("the accepted one; none where none was accepted", () => {
    expect(duePolicies(undefined, generation(old), 0)).toEqual([old]);
    expect(duePolicies(undefined, undefined, 0)).toEqual([]);
  });

  test("the one on trial until its time is over, then what both allow", () => {
    expect(duePolicies(open(true, { unconfirmed: waiting }), generation(old), 99)).toEqual([fresh]);
    expect(duePolicies(open(true, { unconfirmed: waiting }), generation(old), 100)).toEqual([old, old, fresh]);
  });

  test("of a verified apply that a crash kept from being accepted, the new one", () => {
    const accept = { generation: generation(fresh), ledger };
    expect(duePolicies(open(true, { accept }), generation(old), 0)).toEqual([fresh]);
  });

  test("of one that was half made, what both allow; before a reboot, the accepted one alone", () => {
    expect(duePolicies(open(true, {}), generation(old), 0)).toEqual([old, old, fresh]);
    expect(duePolicies(open(false, {}), generation(old), 0)).toEqual([old]);
    expect(duePolicies(open(false, { unconfirmed: { ...waiting, sameBoot: false } }), generation(old), 0)).toEqual([
      old,
    ]);
  });
});
