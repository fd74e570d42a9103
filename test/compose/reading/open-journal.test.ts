import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderStatus } from "../../../src/cli/views/status.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { FileJournal } from "../../../src/state/file-journal.ts";
import { StateFolder } from "../../../src/state/state-folder.ts";
import { RECORDS } from "../../state/records.ts";
import { useSimulatedBench } from "../simulated-bench.ts";

const machine = useSimulatedBench();
const IDENTITY = { bootId: "simulated", namespace: "simulated" };

test.each([
  ["was cut short", "was cut short", []],
  ["failed as its way back did", "and its way back failed", [{ type: "blocked", cause: "no way back" } as const]],
])("law 5: status says of an open apply that it %s", async (_name, reason, end) => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
  for (const record of [...RECORDS.slice(0, 1), ...end]) await journal.append(record);
  const before = readFileSync(journal.location);
  const status = await bench.ask((session) => session.status());
  expect(status.conditions.find(({ type }) => type === "Stalled")).toMatchObject({
    status: true,
    reason: `an apply ${reason}: ${journal.location}`,
  });
  expect(renderStatus(status, styleFor(false), 0)).toContain(
    end.length === 0 ? "An apply was cut short (" : "An apply failed, and so did its way back (",
  );
  expect(readFileSync(journal.location)).toEqual(before);
});
