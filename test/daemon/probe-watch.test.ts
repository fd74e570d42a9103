import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { UseCases } from "../../src/daemon/use-cases.ts";
import { type ProbeReport, watchProbes } from "../../src/daemon/watch/probe-watch.ts";
import type { ProbeSpec } from "../../src/model/resources/probe.ts";

const common = { type: "ping", target: { host: "192.0.2.1" }, required: false, timeoutSeconds: 1 } as const;
const often: ProbeSpec = { ...common, name: "often", everySeconds: 2 };
const seldom: ProbeSpec = { ...common, name: "seldom", everySeconds: 60 };

/** What the watch needs of a session: an accepted state with probes, and answers. */
class Bench {
  probes: readonly ProbeSpec[] = [often, seldom];
  passes = true;
  readonly asked: string[] = [];
  readonly reports: ProbeReport[] = [];
  readonly #session = {
    acceptedGeneration: async () => ({ desired: { resources: [], probes: this.probes } }),
    runProbe: async ({ name }: ProbeSpec) => {
      this.asked.push(name);
      return { passed: this.passes, detail: this.passes ? "answered" : "no answer" };
    },
  };

  watch() {
    return watchProbes(this.#session as unknown as UseCases, (report) => this.reports.push(report));
  }
}

describe("the daemon's probes", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  test("each runs in its own rhythm, and only a change is reported", async () => {
    const bench = new Bench();
    await using _watch = bench.watch();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(bench.asked.filter((name) => name === "often").length).toBe(5);
    expect(bench.asked.filter((name) => name === "seldom").length).toBe(1);
    expect(bench.reports).toEqual([]);
    bench.passes = false;
    await vi.advanceTimersByTimeAsync(6_000);
    bench.passes = true;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(bench.reports).toEqual([
      { type: "probe", name: "often", passed: false, detail: "no answer" },
      { type: "probe", name: "often", passed: true, detail: "answered" },
    ]);
  });

  test("another accepted state brings other probes, and an end brings none", async () => {
    const bench = new Bench();
    const watch = bench.watch();
    await vi.advanceTimersByTimeAsync(1_000);
    bench.probes = [];
    watch.refresh();
    await watch[Symbol.asyncDispose]();
    const asked = bench.asked.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(bench.asked.length).toBe(asked);
    await using again = bench.watch();
    again.refresh();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(bench.asked.length).toBe(asked);
  });
});
