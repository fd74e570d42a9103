import { expect, test } from "vitest";
import { renderDrift } from "../../../src/cli/verbs/inspect/drift.view.ts";
import { renderPlan } from "../../../src/cli/verbs/plan/plan.human.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import type { Batch } from "../../../src/model/plan.ts";
import type { ResourceKey } from "../../../src/model/resource.ts";
import { FileJournal } from "../../../src/state/file-journal.ts";
import { StateFolder } from "../../../src/state/state-folder.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();
const plain = styleFor(false);
const DNS = "dns: { servers: [10.9.0.53] }";

/** Writes into the journal that a change began these keys of its plan, and died. */
async function cutShort(
  bench: SimulatedBench,
  verb: "apply" | "destroy",
  batches: readonly Batch[],
  keys: readonly ResourceKey[],
): Promise<string> {
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), {
    bootId: "simulated",
    namespace: "simulated",
  });
  await journal.append({ type: "begin", verb, configHash: "c", generation: 2, startedMs: 1 });
  const begun = batches.filter(({ steps }) => steps.some(({ key }) => keys.includes(key)));
  for (const [index, batch] of begun.entries()) await journal.append({ type: "batch", index, batch });
  return journal.location;
}

/** Somebody gives the device another MTU: awg's own change, or another program. */
function setMtu(bench: SimulatedBench, mtu: number): void {
  bench.meddle((text) => text.replace(/"mtuBytes": ?1400/, `"mtuBytes":${mtu}`));
}

test("law 9: what an interrupted apply changed is reported as its own doing, in drift, plan and diff", async () => {
  const bench = machine();
  const before = bench.config({ office: {} });
  const after = bench.config({ office: { mtu: 1300 } });
  await bench.apply(before);
  const { plan } = await bench.plan(after);
  const location = await cutShort(bench, "apply", plan.batches, ["link/office"]);
  setMtu(bench, 1300);
  const report = await bench.ask((session) => session.drift());
  expect(report.drifts.map(({ key, change, cause }) => `${key} ${change} ${cause}`)).toEqual([
    "link/office changed open-change",
  ]);
  expect(renderDrift(report, plain)).toContain("link/office was changed  # a change of awg's that has not ended");
  const planned = await bench.plan(before);
  const text = renderPlan(planned.plan, planned.traffic, plain);
  expect(text).toContain("~ link/office  # was changed by an unfinished change of awg");
  expect(text).not.toContain("outside awg");
  expect(text).not.toContain("≠");
  expect(planned.notes).toContainEqual({
    path: "journal",
    message: `an apply was interrupted (${location}): it is undone first; then the plan is made again and its steps may differ`,
    isWarning: true,
  });
});

test("law 9: what an interrupted destroy removed is reported as its own doing, and what it goes on to", async () => {
  const bench = machine();
  const config = bench.config({ office: {} }, DNS);
  await bench.apply(config);
  const { plan } = await bench.ask((session) => session.planDestroy());
  await cutShort(bench, "destroy", plan.batches, ["resolver/machine"]);
  bench.meddle((text) => {
    const state = JSON.parse(text);
    state.resolver = { ...state.resolver, text: state.resolver.saved, saved: null };
    return JSON.stringify(state);
  });
  const { drifts } = await bench.ask((session) => session.drift());
  expect(drifts.map(({ key, cause }) => `${key} ${cause}`)).toEqual(["resolver/machine open-change"]);
  const notesOf = async (ask: Parameters<typeof bench.ask<{ notes: readonly { message: string }[] }>>[0]) =>
    (await bench.ask(ask)).notes.map(({ message }) => message);
  expect(await notesOf((session) => session.planDestroy())).toEqual([
    expect.stringMatching(/^a destroy was interrupted \(.*\): it is finished; the steps may differ from these$/),
  ]);
  expect((await bench.plan(config)).notes.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^a destroy was interrupted \(.*\): it is undone first/),
  );
});

test("law 9: what others changed beside a change that was interrupted is theirs", async () => {
  const bench = machine();
  const before = bench.config({ office: {} });
  await bench.apply(before);
  const { plan } = await bench.plan(bench.config({ office: { port: 51900 } }));
  await cutShort(bench, "apply", plan.batches, ["tunnel/office"]);
  setMtu(bench, 1300);
  const { drifts } = await bench.ask((session) => session.drift());
  expect(drifts.map(({ key, cause }) => `${key} ${cause}`)).toEqual(["link/office unknown"]);
  const { plan: back } = await bench.plan(before);
  expect(renderPlan(back, "", plain)).toContain("link/office  # was changed outside awg");
});

/** The drift and the plan back to what was accepted, as people read them. */
async function reported(bench: SimulatedBench, accepted: string): Promise<{ drift: string; plan: string }> {
  const report = await bench.ask((session) => session.drift());
  const { plan, traffic } = await bench.plan(accepted);
  return { drift: renderDrift(report, plain), plan: renderPlan(plan, traffic, plain) };
}

test("law 9: a flushed packet filter is not reported as the doing of an interrupted apply", async () => {
  const bench = machine();
  const before = bench.config({ office: {} });
  await bench.apply(before);
  const { plan } = await bench.plan(bench.config({ office: { port: 51900 } }));
  await cutShort(bench, "apply", plan.batches, ["firewall/machine"]);
  bench.meddle((text) => {
    const state = JSON.parse(text);
    Object.assign(state.firewall, { policy: null, held: false, damage: [] });
    return JSON.stringify(state);
  });
  const { drift, plan: back } = await reported(bench, before);
  expect(drift).toContain("≠ firewall/machine is gone  # cause unknown");
  expect(back).toContain("~ firewall/machine  # was removed outside awg");
});

test("law 9: nor is its damage, and what the apply changed of it is", async () => {
  const bench = machine();
  const before = bench.config({ office: {} });
  const after = bench.config({ office: { port: 51900 } });
  await bench.apply(before);
  const { plan } = await bench.plan(after);
  const firewalls = plan.batches.flatMap(({ steps }) => steps.filter(({ kind }) => kind === "firewall"));
  await cutShort(bench, "apply", plan.batches, ["firewall/machine"]);
  const load = (damage: readonly string[]) =>
    bench.meddle((text) => {
      const state = JSON.parse(text);
      Object.assign(state.firewall, { policy: firewalls[0]?.after, damage });
      return JSON.stringify(state);
    });
  load([]);
  const half = await reported(bench, before);
  expect(half.drift).toContain("firewall/machine was changed  # a change of awg's that has not ended");
  expect(half.plan).toContain("~ firewall/machine  # was changed by an unfinished change of awg");
  load(["a rule was removed"]);
  const damaged = await reported(bench, before);
  expect(damaged.drift).toContain("firewall/machine was changed  # cause unknown");
  expect(damaged.plan).toContain("~ firewall/machine  # was changed outside awg");
  expect(damaged.plan.split("\n").filter((line) => line.includes("≠"))).toEqual([
    expect.stringContaining("damage: a rule was removed → (none)"),
  ]);
});

test("law 9: what another program changed of a device that an apply had begun to change otherwise is marked as theirs", async () => {
  const bench = machine();
  const before = bench.config({ office: {} });
  await bench.apply(before);
  const { plan } = await bench.plan(bench.config({ office: { mtu: 1300 } }));
  await cutShort(bench, "apply", plan.batches, ["link/office"]);
  setMtu(bench, 1300);
  bench.meddle((text) => text.replace('"10.9.0.2/32"', '"10.9.0.2/32","10.66.0.1/32"'));
  const { drift, plan: back } = await reported(bench, before);
  expect(drift).toContain("link/office was changed  # cause unknown");
  expect(back).toContain("~ link/office  # was changed outside awg");
  expect(back.split("\n").filter((line) => line.includes("≠"))).toEqual([
    expect.stringContaining("addresses: 10.66.0.1/32 was added outside awg; will be removed"),
  ]);
});

test("law 9: a plan beside no open change says nothing of one", async () => {
  const bench = machine();
  const config = bench.config({ office: {} });
  await bench.apply(config);
  setMtu(bench, 1300);
  const planned = await bench.plan(config);
  expect(planned.notes.filter(({ path }) => path === "journal")).toEqual([]);
  expect(renderPlan(planned.plan, "", plain)).toContain("was changed outside awg");
});
