import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type AuditEntry, appendAudit, askerOf, readAudit } from "../../../src/state/audit/audit-file.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { temporaryFolder } from "../../support/folder.ts";

const newBench = useSimulatedBench();
const ENTRY: AuditEntry = {
  at: "2026-01-01T00:00:00.000Z",
  door: "cli",
  uid: 0,
  request: "apply",
  result: "applied",
  generation: 1,
  configHash: "0",
};

test("an entry is appended to a private file, which is rotated by its size; three older ones are kept", () => {
  const folder = join(temporaryFolder("audit"), "state");
  for (let number = 1; number <= 12; number += 1) appendAudit(folder, { ...ENTRY, generation: number }, 300);
  const names = readdirSync(folder);
  expect(names).toEqual(["audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"]);
  expect(names.map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
  expect(readAudit(folder).map(({ generation }) => generation)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test("the door: a command line with the user behind sudo, a client of the API, the daemon", () => {
  const uid = process.getuid?.() ?? 0;
  expect(askerOf({}, false)).toEqual({ door: "cli", uid });
  expect(askerOf({ AWG_CALLER: "1000 admin" }, false)).toEqual({ door: "api", uid: 1000, role: "admin" });
  expect(askerOf({ AWG_CALLER: "nobody" }, false)).toEqual({ door: "cli", uid });
  expect(askerOf({ SUDO_USER: "ann", AWG_CALLER: "1 admin" }, true)).toEqual({ door: "daemon", uid });
  if (uid === 0) expect(askerOf({ SUDO_USER: "ann" }, false)).toEqual({ door: "cli", uid, sudoUser: "ann" });
});

test("an apply and a destroy are recorded; an apply without a change is not", async () => {
  const bench = newBench();
  const text = bench.config({ office: {} });
  await bench.apply(text);
  await bench.apply(text);
  await bench.destroy();
  const entries = readAudit(`${bench.file}.state`);
  expect(entries.map(({ request, result, generation }) => [request, result, generation])).toEqual([
    ["apply", "applied", 1],
    ["destroy", "applied", 2],
  ]);
  expect(entries[0]?.configHash).toMatch(/^[0-9a-f]{64}$/);
});
