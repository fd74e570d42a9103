import { describe, expect, test } from "vitest";
import { daemonOutside } from "../../../src/compose/daemon/start-daemon.ts";
import type { DaemonReport } from "../../../src/daemon/daemon-report.ts";
import { keepHost } from "../../../src/daemon/run-daemon.ts";
import type { ForeignAct } from "../../../src/host/simulated/faults.ts";
import { actForeign } from "../../../src/host/simulated/foreign.ts";
import { SimulatedMachine } from "../../../src/host/simulated/machine.ts";
import { parseMachineFile, renderMachineFile } from "../../../src/host/simulated/machine-file.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";

const newBench = useSimulatedBench();
const TABLE = 0x6177_0001;

const FAULTS: Readonly<Record<string, readonly ForeignAct[]>> = {
  nothing: [],
  "an emptied table": [{ act: "flush-table", table: TABLE }],
  "deleted policy rules": [{ act: "delete-rules", preference: 10_110 }],
  "a flushed filter": [{ act: "keeper-dies" }, { act: "flush-firewall" }],
  "a removed device": [{ act: "remove-device", device: "awg-office" }],
  "an engine that ended": [{ act: "stop-engine", device: "awg-office" }],
  "a rewritten resolver": [{ act: "rewrite-resolver", text: "nameserver 192.0.2.1\n" }],
};

function act(bench: SimulatedBench, acts: readonly ForeignAct[]): void {
  if (acts.length === 0) return;
  bench.meddle((text) => {
    const machine = new SimulatedMachine(parseMachineFile(text));
    for (const one of acts) actForeign(machine, one);
    return renderMachineFile(machine.snapshot());
  });
}

/** What a daemon reports from its start to its first rest. */
async function reportsOfDaemon(bench: SimulatedBench): Promise<readonly DaemonReport[]> {
  const reports: DaemonReport[] = [];
  const rests = Promise.withResolvers<void>();
  await bench.ask((session) =>
    keepHost(session.useCases(), {
      files: [],
      outside: daemonOutside({}),
      report: (report) => {
        reports.push(report);
        if (report.type === "inSync" || report.type === "stalled") rests.resolve();
      },
      untilStopped: rests.promise,
    }),
  );
  return reports;
}

describe("law 9: the daemon's log says what status and drift say", () => {
  test.each(Object.entries(FAULTS))("after %s", { timeout: 60_000 }, async (_, acts) => {
    const bench = newBench();
    await bench.apply(bench.config({ office: {} }, "dns: { servers: [10.9.0.53] }"));
    act(bench, acts);
    const before = await bench.ask((session) => session.drift());
    const reports = await reportsOfDaemon(bench);
    const repaired = reports.flatMap((report) => (report.type === "applying" ? report.keys : []));
    const drifted = before.drifts.map(({ key }): string => key);
    // The guard loads a lost filter before any plan, and reports it itself.
    const planned = drifted.filter((key) => key !== "firewall/machine");
    expect(repaired).toEqual(expect.arrayContaining(planned));
    if (drifted.length === 0) expect(repaired).toEqual([]);
    expect(reports.map(({ type }) => type)).toContain("inSync");
    expect((await bench.ask((session) => session.drift())).drifts).toEqual([]);
    const { conditions } = await bench.ask((session) => session.status());
    const holds = (type: string) => conditions.find((one) => one.type === type)?.status;
    expect([holds("Drifted"), holds("Stalled"), holds("Protected")]).toEqual([false, false, true]);
  });
});
