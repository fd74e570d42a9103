import { expect, test } from "vitest";
import { renderDrift } from "../../../src/cli/verbs/inspect/drift.view.ts";
import { renderPlan } from "../../../src/cli/verbs/plan/plan.human.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { stepsOf } from "../../../src/model/plan.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();
const plain = styleFor(false);

interface Firewall {
  policy: object | null;
  held: boolean;
  damage: string[];
}

function meddleWith(bench: SimulatedBench, change: (firewall: Firewall) => void): void {
  bench.meddle((text) => {
    const state = JSON.parse(text) as { firewall: Firewall };
    change(state.firewall);
    return JSON.stringify(state);
  });
}

/** `nft flush ruleset` once the keeper is killed. */
function flush(bench: SimulatedBench): void {
  meddleWith(bench, (firewall) => Object.assign(firewall, { policy: null, held: false, damage: [] }));
}

test("law 9: a flushed packet filter is gone in the drift, and the plan says that nothing is blocked until it is loaded again", async () => {
  const bench = machine();
  const config = bench.config({ office: {} });
  await bench.apply(config);
  flush(bench);
  const report = await bench.ask((session) => session.drift());
  const [drift] = report.drifts.filter(({ kind }) => kind === "firewall");
  expect(drift).toEqual({ key: "firewall/machine", kind: "firewall", change: "gone", fields: [], cause: "unknown" });
  expect(renderDrift(report, plain)).toContain("≠ firewall/machine is gone  # cause unknown");
  const planned = await bench.plan(config);
  expect(planned.traffic).toBe(
    "the packet filter is gone, so nothing is blocked until the first step restores it; then only tunnel traffic and your exceptions pass.",
  );
  const text = renderPlan(planned.plan, planned.traffic, plain);
  expect(text).toContain("~ firewall/machine  # was removed outside awg");
  expect(text).toContain("≠ policy: (none) → the whole policy");
});

test("law 9: another config does not make of what was removed something else", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  flush(bench);
  const planned = await bench.plan(bench.config({ office: { port: 51900 } }));
  expect(planned.traffic).toMatch(/^the packet filter is gone, so nothing is blocked until/);
  expect(stepsOf(planned.plan).at(-1)?.reason).toBe("was removed outside awg");
});

test("law 9: a damaged packet filter is not said to hold until it is loaded again", async () => {
  const bench = machine();
  const config = bench.config({ office: {} });
  await bench.apply(config);
  meddleWith(bench, (firewall) => Object.assign(firewall, { held: false, damage: ["a rule is gone"] }));
  expect((await bench.plan(config)).traffic).toBe(
    "the packet filter is damaged and may pass what it forbids until the first step reloads it; then only tunnel traffic and your exceptions pass.",
  );
  const { drifts } = await bench.ask((session) => session.drift());
  expect(drifts.find(({ kind }) => kind === "firewall")?.change).toBe("changed");
});

test("law 9: a destroy where the packet filter is gone does not promise protection", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  flush(bench);
  const { traffic } = await bench.ask((session) => session.planDestroy());
  expect(traffic).toBe("open, as before awg: the packet filter is gone already.");
});

test("law 9: a loaded packet filter is shown by what it does, and the first one by what it begins", async () => {
  const bench = machine();
  expect((await bench.plan(bench.config({ office: {} }))).traffic).toMatch(/^from the first step, only tunnel traffic/);
  await bench.apply(bench.config({ office: {} }));
  expect((await bench.plan(bench.config({ office: { port: 51900 } }))).traffic).toMatch(
    /^during the change, only what both/,
  );
  expect((await bench.ask((session) => session.planDestroy())).traffic).toMatch(/^protected until the last step/);
});

test("law 9: a destroy promises no protection where the packet filter is damaged, or the kill switch off", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  meddleWith(bench, (firewall) => Object.assign(firewall, { held: false, damage: ["a rule is gone"] }));
  const trafficOfDestroy = async () => (await bench.ask((session) => session.planDestroy())).traffic;
  expect(await trafficOfDestroy()).toBe(
    "the packet filter is damaged and may pass what it forbids; after the last step traffic is open, as before awg.",
  );
  await bench.apply(bench.config({ office: {} }).replace("enabled: true", "enabled: false"));
  expect(await trafficOfDestroy()).toBe("the kill switch is off; after the last step traffic is open, as before awg.");
});
