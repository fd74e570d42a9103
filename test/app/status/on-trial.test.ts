import { expect, test } from "vitest";
import { renderStatus } from "../../../src/cli/verbs/inspect/status.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import type { TestSession } from "../../support/test-session.ts";
import { examine } from "../../support/test-session.ts";

const machine = useSimulatedBench();

/** Leaves a state on trial, as an awg does that waits to be told to keep it. */
async function tryOut(bench: SimulatedBench, text: string): Promise<void> {
  await bench.ask(async (session) => {
    const planned = await session.plan(await session.load([{ name: "awg.yaml", text, mode: 0o600 }]));
    await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined, confirmWithinMs: 600_000 });
  });
}

const doctor = (bench: SimulatedBench) =>
  examine({ host: { kind: "simulated", file: bench.file }, allowInsecurePermissions: false, environment: {} });

const conditionsOf = async (session: TestSession) =>
  Object.fromEntries((await session.status()).conditions.map(({ type, status }) => [type, status]));

test.each([
  ["a first state", []],
  ["another state", [{ office: { port: 51000 } }]],
])("law 9: what is on trial is no damage: %s", async (_, former) => {
  const bench = machine();
  for (const tunnels of former) await bench.apply(bench.config(tunnels));
  await tryOut(bench, bench.config({ office: {}, home: {} }));
  expect(await bench.ask(conditionsOf)).toMatchObject({ Protected: true, Drifted: false, Stalled: false });
  const status = await bench.ask((session) => session.status());
  expect(status.generation).toBe(former.length);
  expect(status.awaiting?.generation).toBe(former.length + 1);
  const text = renderStatus(status, styleFor(false), 0);
  expect(text).toContain(`Generation ${former.length + 1}, on trial`);
  expect(text).toContain("link/home");
  expect(text).not.toMatch(/Stalled|Drifted/);
  const { findings } = await doctor(bench);
  expect(findings.filter(({ severity }) => severity === "fault")).toEqual([]);
  expect(findings.map(({ id }) => id)).toContain("journal-awaiting");
  expect((await bench.ask((session) => session.verify())).findings).toEqual([]);
  const explained = await bench.ask((session) =>
    session.explain({ destination: "198.51.100.7", user: "0", resolves: false }),
  );
  expect(explained).toMatchObject({ disagreements: [] });
});

test("what others change of a state on trial is found, and the remedy is not a rollback, which is refused then", async () => {
  const bench = machine();
  await tryOut(bench, bench.config({ office: {} }));
  bench.meddle((text) =>
    text.replace('"mtuBytes": 1400', '"mtuBytes": 1300').replace('"mtuBytes":1400', '"mtuBytes":1300'),
  );
  expect(await bench.ask(conditionsOf)).toMatchObject({ Drifted: true });
  const { findings } = await doctor(bench);
  expect(findings.find(({ id }) => id === "drifted")).toMatchObject({ remedy: ["awg revert"] });
});
