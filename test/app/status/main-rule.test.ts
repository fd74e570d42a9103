import { expect, test } from "vitest";
import { renderStatus, statusDocument } from "../../../src/cli/verbs/inspect/status.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();

/** `ip rule flush` leaves the kernel's rule for the local table alone. */
function flushMain(bench: SimulatedBench, families: readonly number[]): void {
  bench.meddle((text) => {
    const state = JSON.parse(text);
    state.rules = state.rules.filter(
      ({ rule }: { rule: { family: number; table: number } }) => rule.table !== 254 || !families.includes(rule.family),
    );
    return JSON.stringify(state);
  });
}

const GONE = 'The kernel\'s policy rule "lookup main" is missing';

test.each([
  ["IPv4", [4], "ip -4 rule add pref 32766 lookup main"],
  ["both", [4, 6], "ip -4 rule add pref 32766 lookup main; ip -6 rule add pref 32766 lookup main"],
])("law 9: status says in one line that the rule for the main table is gone: %s", async (_, families, remedy) => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  const reported = async () => renderStatus(await bench.ask((session) => session.status()), styleFor(false), 0);
  expect(await reported()).not.toContain(GONE);
  flushMain(bench, families);
  const [line, ...more] = (await reported()).split("\n").filter((one) => one.includes(GONE));
  expect(more).toEqual([]);
  expect(line).toContain("); without it the kernel refuses routes with a gateway, so");
  expect(line).toMatch(new RegExp(`: ${remedy}$`));
  const document = statusDocument(await bench.ask((session) => session.status()));
  expect(document).toMatchObject({ mainRuleMissing: { families, remedy: remedy.split("; ") } });
});

test("law 9: status says nothing of that rule where awg has no route", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  await bench.destroy();
  flushMain(bench, [4]);
  const status = await bench.ask((session) => session.status());
  expect(renderStatus(status, styleFor(false), 0)).not.toContain(GONE);
  expect(statusDocument(status)).toMatchObject({ mainRuleMissing: null });
});
