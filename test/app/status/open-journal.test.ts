import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { driftDocument } from "../../../src/cli/verbs/inspect/drift.view.ts";
import { renderStatus, statusDocument } from "../../../src/cli/verbs/inspect/status.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { FileJournal } from "../../../src/state/file-journal.ts";
import { takeLock } from "../../../src/state/lock.ts";
import { StateFolder } from "../../../src/state/state-folder.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { waitFor } from "../../lab/world/command.ts";
import { RECORDS } from "../../state/records.ts";
import { examine } from "../../support/test-session.ts";

const machine = useSimulatedBench();
const IDENTITY = { bootId: "simulated", namespace: "simulated" };

test.each([
  ["was interrupted", "was interrupted", []],
  ["failed as its way back did", "and its rollback failed", [{ type: "blocked", cause: "no way back" } as const]],
])("law 5: status says of an open apply that it %s", async (_name, reason, end) => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
  for (const record of [...RECORDS.slice(0, 1), ...end]) await journal.append(record);
  const before = readFileSync(journal.location);
  const status = await bench.ask((session) => session.status());
  expect(status.conditions.find(({ type }) => type === "Stalled")).toMatchObject({
    status: true,
    message: `an apply ${reason}: ${journal.location}`,
  });
  const { open } = await bench.ask((session) => session.drift());
  expect(open).toBe(`an apply ${reason} (${journal.location})`);
  expect(renderStatus(status, styleFor(false), 0)).toContain(
    end.length === 0 ? "An apply was interrupted (" : "An apply and its rollback failed (",
  );
  expect(readFileSync(journal.location)).toEqual(before);
});

test.each([
  ["was interrupted", "was interrupted", "A destroy was interrupted (", []],
  [
    "failed as its way back did",
    "and its rollback failed",
    "A destroy and its rollback failed (",
    [{ type: "blocked", cause: "no way back" } as const],
  ],
])("law 5: status and drift call an open destroy that %s a destroy", async (_name, reason, sentence, end) => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
  const begin = RECORDS.slice(0, 1).map((record) =>
    record.type === "begin" ? { ...record, verb: "destroy" as const } : record,
  );
  for (const record of [...begin, ...end]) await journal.append(record);
  const status = await bench.ask((session) => session.status());
  expect(status.conditions.find(({ type }) => type === "Stalled")?.message).toBe(
    `a destroy ${reason}: ${journal.location}`,
  );
  const { open } = await bench.ask((session) => session.drift());
  expect(open).toBe(`a destroy ${reason} (${journal.location})`);
  const reported = { verb: "destroy", why: end.length === 0 ? "cut-short" : "rollback-failed" };
  expect(statusDocument(status, 0)).toMatchObject({ openJournal: journal.location, openChange: reported });
  expect(driftDocument(await bench.ask((session) => session.drift()))).toMatchObject({ openChange: reported });
  const text = renderStatus(status, styleFor(false), 0);
  expect(text).toContain(sentence);
  expect(text.toLowerCase()).not.toContain("an apply ");
  if (end.length === 0) {
    expect(text).toContain("awg destroy completes it, awg revert undoes it.");
  }
});

const HOLDER = { pid: process.pid, verb: "apply", sinceMs: 0 };

test.each([
  ["whose process was killed", (lock: string) => writeFileSync(lock, JSON.stringify(HOLDER), { mode: 0o600 })],
  ["beside a lock that is a link", (lock: string) => symlinkSync("elsewhere", lock)],
])("law 9: status and drift say of an apply %s that it was interrupted", async (_name, leave) => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
  for (const record of RECORDS.slice(0, 1)) await journal.append(record);
  const lock = `${bench.file}.state/lock`;
  rmSync(lock, { force: true });
  leave(lock);
  const status = await bench.ask((session) => session.status());
  expect(status.conditions.find(({ type }) => type === "Stalled")?.message).toContain("an apply was interrupted");
  const { open } = await bench.ask((session) => session.drift());
  expect(open).toBe(`an apply was interrupted (${journal.location})`);
});

test("law 9: status calls a running or stopped apply at work", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
  for (const record of RECORDS.slice(0, 1)) await journal.append(record);
  using _lock = takeLock(`${bench.file}.state/lock`, HOLDER);
  bench.meddle((text) => text.replaceAll(/"mtuBytes": ?1400/g, '"mtuBytes":1300'));
  const status = await bench.ask((session) => session.status());
  const found = new Map(status.conditions.map((condition) => [condition.type, condition]));
  expect(found.get("Stalled")).toMatchObject({ status: false });
  expect(found.get("Reconciling")).toMatchObject({
    status: true,
    reason: "ChangedByAnother",
    message: `process ${process.pid} is changing this host`,
  });
  expect(found.get("Drifted")).toMatchObject({ message: "link/office is not as accepted", causedBy: "Reconciling" });
  const text = renderStatus(status, styleFor(false), 0);
  expect(text).toContain(`Process ${process.pid} is changing this host (`);
  expect(statusDocument(status, 0)).toMatchObject({ openChange: { verb: "apply", why: "under-way" } });
  expect(text).not.toContain("cut short");
  const { open } = await bench.ask((session) => session.drift());
  expect(open).toBe(`process ${process.pid} is changing this host (${journal.location})`);
});

test("law 9: status says of what was on trial past its deadline that it was not confirmed", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
  for (const record of RECORDS.slice(0, 4)) {
    await journal.append(record.type === "unconfirmed" ? { ...record, deadlineMs: 0 } : record);
  }
  const status = await bench.ask((session) => session.status());
  expect(status.openChange?.why).toBe("not-confirmed");
  expect(statusDocument(status, 0)).toMatchObject({ openChange: { verb: "apply", why: "not-confirmed" } });
  const { open } = await bench.ask((session) => session.drift());
  expect(open).toBe(`the last change was not confirmed in time (${journal.location})`);
  const text = renderStatus(status, styleFor(false), 0);
  expect(text).toContain("The change was not confirmed in time (");
  expect(text).toContain("the last change was not confirmed in time: ");
});

test("law 9: where nothing is open the documents of status and drift say so", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  const closed = { openJournal: null, openChange: null };
  expect(statusDocument(await bench.ask((session) => session.status()), 0)).toMatchObject(closed);
  expect(driftDocument(await bench.ask((session) => session.drift()))).toMatchObject(closed);
});

test.skipIf(process.platform !== "linux")(
  "status and doctor say of a stopped process what wakes or ends it",
  async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
    for (const record of RECORDS.slice(0, 1)) await journal.append(record);
    const module = new URL("../../../src/state/lock.ts", import.meta.url).href;
    const script = `import { takeLock } from ${JSON.stringify(module)};
    const lock = takeLock(process.argv[1], { pid: process.pid, verb: "apply", sinceMs: 1 });
    console.log("held"); setInterval(() => lock, 1000);`;
    const argv = ["--input-type=module", "-e", script, `${bench.file}.state/lock`];
    const other = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(other.stdout, "data");
      other.kill("SIGSTOP");
      const stat = () => readFileSync(`/proc/${other.pid}/stat`, "utf8");
      await waitFor("the signal", () => stat().includes(") T "));
      const { conditions } = await bench.ask((session) => session.status());
      const who = `process ${other.pid} (stopped: kill -CONT ${other.pid} resumes it)`;
      expect(conditions.find(({ type }) => type === "Stalled")?.message).toContain(`${who} is changing this host`);
      const host = { kind: "simulated", file: bench.file } as const;
      const { findings } = await examine({ host, allowInsecurePermissions: false, environment: {} });
      expect(findings.find(({ id }) => id === "journal-at-work")).toMatchObject({
        severity: "fault",
        remedy: [expect.stringMatching(/kill -CONT \d+.*kill -KILL \d+.*awg revert/)],
      });
    } finally {
      other.kill("SIGKILL");
    }
  },
);
