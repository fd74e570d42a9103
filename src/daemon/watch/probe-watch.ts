import type { ProbeSpec } from "../../model/resources/probe.ts";
import { Attempts } from "../attempts.ts";
import type { UseCases } from "../use-cases.ts";

const LOOK_MS = 1_000;

/** The watch's report: the result of a probe changed. */
export type ProbeReport =
  | { readonly type: "probe"; readonly name: string; readonly passed: boolean; readonly detail: string }
  | { readonly type: "problem"; readonly text: string };

export interface ProbeWatch extends AsyncDisposable {
  /** The accepted state may be another by now. */
  refresh(): void;
}

/**
 * Runs the probes of the accepted state, each at its interval, and reports each change. The first failure is a change.
 */
export function watchProbes(
  useCases: Pick<UseCases, "acceptedGeneration" | "runProbe">,
  report: (report: ProbeReport) => void,
): ProbeWatch {
  const passed = new Map<string, boolean>();
  /** When each is to run again; never, while it runs. */
  const dueMs = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const looks = new Attempts("reading the probes", report);
  const attempts = new Attempts("probing", report);
  let probes: readonly ProbeSpec[] | undefined;

  const run = async (probe: ProbeSpec): Promise<void> => {
    const result = await useCases.runProbe(probe);
    if (result === undefined || (passed.get(probe.name) ?? true) === result.passed) return;
    passed.set(probe.name, result.passed);
    report({ type: "probe", name: probe.name, passed: result.passed, detail: result.detail });
  };

  const look = async (): Promise<void> => {
    const nowMs = performance.now();
    probes ??= (await useCases.acceptedGeneration())?.desired.probes ?? [];
    for (const probe of probes) {
      const id = JSON.stringify(probe);
      if ((dueMs.get(id) ?? 0) > nowMs) continue;
      dueMs.set(id, Number.POSITIVE_INFINITY);
      const again = () => void dueMs.set(id, nowMs + probe.everySeconds * 1000);
      keep(attempts.run(() => run(probe)).finally(again));
    }
  };

  function keep(work: Promise<void>): void {
    running.add(work);
    void work.finally(() => running.delete(work));
  }

  const timer = setInterval(() => keep(looks.run(look)), LOOK_MS);
  return {
    refresh() {
      probes = undefined;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      while (running.size > 0) await Promise.all(running);
    },
  };
}
