import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Reverted } from "../../../src/app/apply/confirmation.ts";
import { renderReverted } from "../../../src/cli/verbs/change/reverted.ts";
import { FileJournal } from "../../../src/state/file-journal.ts";
import { StateFolder } from "../../../src/state/state-folder.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { RECORDS } from "../../state/records.ts";
import { examine } from "../../support/test-session.ts";

const machine = useSimulatedBench();

/** Leaves the beginning of a change in the journal, written in this boot or in an earlier one. */
async function cutShort(bench: SimulatedBench, verb: "apply" | "destroy", bootId = "simulated"): Promise<void> {
  using journal = new FileJournal(new StateFolder(`${bench.file}.state`), { bootId, namespace: "simulated" });
  for (const record of RECORDS.slice(0, 1)) {
    await journal.append(record.type === "begin" ? { ...record, verb } : record);
  }
}

/** What a reboot takes of a machine. */
function reboot(bench: SimulatedBench): void {
  const { firewall, ...rest } = JSON.parse(bench.read());
  writeFileSync(bench.file, JSON.stringify({ ...rest, firewall: { ...firewall, policy: null, held: false } }));
  bench.meddle((text) => text.replaceAll('"mtuBytes":1400', '"mtuBytes":1300'));
}

const policyOf = (bench: SimulatedBench): unknown => JSON.parse(bench.read()).firewall.policy;
const revert = (bench: SimulatedBench): Promise<Reverted | undefined> =>
  bench.ask((session) => session.revert({ onlyIfDue: false, reportsRest: true }));

test("law 1, S1.7: what was interrupted before a reboot is reverted, and the accepted packet filter is loaded again; what is not is named", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  const accepted = policyOf(bench);
  await cutShort(bench, "apply", "an earlier boot");
  reboot(bench);
  const reverted = await revert(bench);
  expect(policyOf(bench)).toEqual(accepted);
  expect(reverted).toMatchObject({ policy: { restored: "yes" }, generation: 1, drifted: ["link/office"] });
  expect(renderReverted(reverted)).toBe(
    "Reverted; the packet filter was gone; it is loaded again. Not as accepted: link/office; awg apply puts it back.",
  );
});

test("what is back whole is said so, and nothing is said where nothing was open", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  expect(await revert(bench)).toBeUndefined();
  expect(renderReverted(undefined)).toBe("There is no change to undo.");
  await cutShort(bench, "apply");
  const reverted = await revert(bench);
  expect(reverted).toEqual({ generation: 1, drifted: [] });
  expect(renderReverted(reverted)).toBe("Reverted. The state before the change is back.");
});

test("law 1: a destroy that was interrupted is undone by revert, as doctor says, and opens nothing", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  const before = policyOf(bench);
  await cutShort(bench, "destroy");
  const host = { kind: "simulated", file: bench.file } as const;
  const { findings } = await examine({ host, allowInsecurePermissions: false, environment: {} });
  expect(findings.find(({ id }) => id === "journal-open")).toMatchObject({
    consequence:
      "revert restores the state before it, and so does apply if its state has a packet filter; destroy, and a running daemon, finish it",
    remedy: ["awg revert", "awg destroy"],
  });
  expect(await revert(bench)).toEqual({ generation: 1, drifted: [] });
  expect(policyOf(bench)).toEqual(before);
  expect((await bench.ask((session) => session.status())).openJournal).toBeUndefined();
});
