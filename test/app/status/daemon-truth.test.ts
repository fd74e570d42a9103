import { describe, expect, test } from "vitest";
import { daemonOutside } from "../../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../../src/daemon/daemon-report.ts";
import { keepHost } from "../../../src/daemon/run-daemon.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { act, FAULTS } from "./foreign-faults.ts";

const newBench = useSimulatedBench();
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
  test.each([["nothing", []] as const, ...Object.entries(FAULTS)])("after %s", { timeout: 60_000 }, async (_, acts) => {
    const bench = newBench();
    await bench.apply(bench.config({ office: {} }, "dns: { servers: [10.9.0.53] }"));
    if (acts.length > 0) act(bench, ...acts);
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
