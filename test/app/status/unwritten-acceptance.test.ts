import { mkdirSync, rmdirSync } from "node:fs";
import { expect, test } from "vitest";
import { renderStatus } from "../../../src/cli/verbs/inspect/status.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import type { TestSession } from "../../support/test-session.ts";
import { examine } from "../../support/test-session.ts";

const machine = useSimulatedBench();

const statusText = async (session: TestSession) => renderStatus(await session.status(), styleFor(false), 0);

test.each([
  ["a first state", 0],
  ["another state", 1],
])(
  "law 9: %s that stands but could not be written down as accepted is what every verb judges by",
  async (_, former) => {
    const bench = machine();
    for (let number = 0; number < former; number += 1) await bench.apply(bench.config({ office: { port: 51000 } }));
    // A folder where the draft belongs is refused like a full disk, by the last write of an apply.
    const draft = `${bench.file}.state/.ledger.new`;
    mkdirSync(draft, { recursive: true, mode: 0o700 });
    const number = former + 1;
    expect((await bench.apply(bench.config({ office: {}, home: {} }))).unaccepted).toBeDefined();

    const text = await bench.ask(statusText);
    expect(text).toContain(`Generation ${number}\n`);
    expect(text).toMatch(/Protected: +yes/);
    expect(text).toContain(`Generation ${number} is applied and could not be saved yet`);
    expect(text).not.toContain("cut short");
    const stalled = (await bench.ask((session) => session.status())).conditions.find(({ type }) => type === "Stalled");
    expect(stalled).toMatchObject({ status: true, message: expect.stringContaining("could not be saved yet") });
    expect(await bench.ask((session) => session.verify())).toMatchObject({ generation: number, findings: [] });
    expect(await bench.ask((session) => session.drift())).toMatchObject({ generation: number, drifts: [] });
    const history = await bench.ask((session) => session.history());
    expect(history.filter(({ holds }) => holds).map((one) => one.number)).toEqual([number]);
    const host = { kind: "simulated", file: bench.file } as const;
    const { findings } = await examine({ host, allowInsecurePermissions: false, environment: {} });
    const open = findings.find(({ id }) => id === "journal-open");
    expect(open?.what).toBe(`apply of generation ${number} is applied, but its acceptance could not be saved yet`);
    expect(open?.remedy).not.toContain("awg revert");

    rmdirSync(draft);
    await bench.apply(bench.config({ office: {}, home: {} }));
    expect(await bench.ask(statusText)).not.toContain("could not be written");
  },
);

test("law 9: such a destroy is not called an apply that was interrupted", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  mkdirSync(`${bench.file}.state/.ledger.new`, { mode: 0o700 });
  expect((await bench.destroy()).unaccepted).toBeDefined();
  const text = await bench.ask(statusText);
  expect(text).toContain("Nothing is applied on this host. awg does not protect its traffic.");
  expect(text).toContain("Generation 2 is applied and could not be saved yet");
  expect(text).not.toContain("cut short");
});
