import { spawnSync } from "node:child_process";
import { readdirSync, renameSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderExamination } from "../../../src/cli/verbs/inspect/doctor.view.ts";
import { historyDocument, renderHistory } from "../../../src/cli/verbs/inspect/history.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { ROOT } from "../../repository/sources.ts";
import { examine } from "../../support/test-session.ts";

const machine = useSimulatedBench();

test("an earlier generation that cannot be read blocks no change and no acceptance, and no secret is forgotten for it", async () => {
  const bench = machine();
  const state = `${bench.file}.state`;
  for (const port of [51001, 51002, 51003]) await bench.apply(bench.config({ office: { port } }));
  truncateSync(`${state}/generation-1`, 40);
  const secrets = readdirSync(`${state}/secrets`);
  const applied = await bench.apply(bench.config({ office: { port: 51004 } }));
  expect(applied).toMatchObject({ generation: 4, changed: true });
  expect(applied.unaccepted).toBeUndefined();
  expect((await bench.rollback(2)).unaccepted).toBeUndefined();
  expect((await bench.destroy()).unaccepted).toBeUndefined();
  expect(readdirSync(`${state}/secrets`)).toEqual(secrets);
  expect((await bench.ask((session) => session.status())).openJournal).toBeUndefined();
});

test("law 9: history lists the rest, and names the generation that cannot be read with its file", async () => {
  const bench = machine();
  for (const port of [51001, 51002, 51003]) await bench.apply(bench.config({ office: { port } }));
  const path = `${bench.file}.state/generation-2`;
  truncateSync(path, 40);
  const history = await bench.ask((session) => session.history());
  expect(renderHistory(history, styleFor(false)).split("\n")).toEqual([
    expect.stringMatching(/^\* {4}3 {2}2.* {2}the one before cannot be read$/),
    `     2  cannot be read: ${path} is corrupt at byte 0`,
    expect.stringMatching(/^ {5}1 {2}2.* {2}6 added$/),
    expect.stringMatching(/^ {8}\+ firewall\/machine/),
  ]);
  expect(historyDocument(history)).toMatchObject({
    generations: [
      { number: 1, changes: { added: expect.any(Array) } },
      { number: 2, holds: false, error: { kind: "journal", facts: { path } } },
      { number: 3, holds: true, changes: null, beforeUnreadable: true },
    ],
  });
  const argv = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts"), "history"];
  const host = ["--host", `simulated:${bench.file}`];
  const ended = spawnSync(process.execPath, [...argv, ...host], { encoding: "utf8", timeout: 60_000 });
  expect(ended).toMatchObject({
    status: 5,
    stdout: `${renderHistory(history, styleFor(false))}\n`,
    stderr: `Generation 2 cannot be read; awg doctor --host simulated:${bench.file} says what may be done.\n`,
  });
});

test("law 9: of the generation after one that doctor had moved away, history shows no changes against an older one", async () => {
  const bench = machine();
  for (const port of [51001, 51002, 51001]) await bench.apply(bench.config({ office: { port } }));
  const path = `${bench.file}.state/generation-2`;
  renameSync(path, `${path}.damaged`);
  const history = await bench.ask((session) => session.history());
  expect(renderHistory(history, styleFor(false)).split("\n")).toEqual([
    expect.stringMatching(/^\* {4}3 {2}2.* {2}the one before is not kept$/),
    expect.stringMatching(/^ {5}1 {2}2.* {2}6 added$/),
    expect.stringMatching(/^ {8}\+ firewall\/machine/),
  ]);
  expect(historyDocument(history)).toMatchObject({
    generations: [
      { number: 1, changes: { added: expect.any(Array) }, beforeUnreadable: false },
      { number: 3, holds: true, changes: null, beforeUnreadable: false },
    ],
  });
});

test("rollback to the one before, which cannot be read, names the next that can", async () => {
  const bench = machine();
  for (const port of [51001, 51002, 51003, 51004]) await bench.apply(bench.config({ office: { port } }));
  const state = `${bench.file}.state`;
  truncateSync(`${state}/generation-3`, 40);
  const remedy = "run awg doctor; it lists the remedies and their cost";
  const back = () => bench.ask((session) => session.planRollback(undefined));
  await expect(back()).rejects.toMatchObject({
    kind: "journal",
    message: `${state}/generation-3 is corrupt at byte 0`,
    remedy: `awg rollback 2 goes to the next that can be read, or ${remedy}`,
  });
  for (const number of [1, 2]) truncateSync(`${state}/generation-${number}`, 40);
  await expect(back()).rejects.toMatchObject({ remedy });
});

test("law 9: doctor says of an earlier generation that cannot be read no more than is lost with it", async () => {
  const bench = machine();
  for (const port of [51001, 51002]) await bench.apply(bench.config({ office: { port } }));
  const path = `${bench.file}.state/generation-1`;
  truncateSync(path, 40);
  const host = { kind: "simulated", file: bench.file } as const;
  const examination = await examine({ host, allowInsecurePermissions: false, environment: {} });
  const { findings } = examination;
  expect(renderExamination(examination, styleFor(false))).toContain("\nNo faults; 1 note.\n");
  expect(findings.find(({ id }) => id === "state-file-damaged")).toEqual({
    id: "state-file-damaged",
    severity: "note",
    what: `${path} is corrupt at byte 0`,
    evidence: ["it is an earlier generation: the applied state stays, and verbs that do not need it work"],
    consequence: "generation 1 cannot be restored or compared",
    remedy: [`mv ${path} ${path}.damaged`],
  });
});
