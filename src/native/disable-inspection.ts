/** Signals that no supervisor sends to awg; Node can be configured to open a debugger or write its heap on them. */
const UNUSED_SIGNALS = ["SIGUSR1", "SIGUSR2"] as const;

/**
 * For long-running processes that hold keys: whatever NODE_OPTIONS or flags request, from now on no debugger listens,
 * and no signal or error writes a heap snapshot or a diagnostic report. Node implements these as listeners
 * (lib/internal/process/pre_execution.js, report.js), which are removed here. awg's launchers clear NODE_OPTIONS for
 * what only a start can prevent (`--import`, `--heapsnapshot-near-heap-limit`).
 */
export function disableInspection(): void {
  const reports = process.report;
  reports.reportOnFatalError = false;
  reports.reportOnUncaughtException = false;
  reports.reportOnSignal = false;
  reports.excludeEnv = true;
  for (const signal of UNUSED_SIGNALS) {
    process.removeAllListeners(signal);
    process.on(signal, () => {});
  }
  const inspector = process.getBuiltinModule("node:inspector");
  if (inspector.url() !== undefined) inspector.close();
}
