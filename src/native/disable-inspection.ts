/** Signals that no supervisor of awg's sends; Node can be told to open a debugger or to write its heap at them. */
const UNUSED_SIGNALS = ["SIGUSR1", "SIGUSR2"] as const;

/**
 * For processes that stay and hold keys: whatever Node was told by NODE_OPTIONS or by flags, from now on no debugger
 * listens, and no signal and no error writes a heap snapshot or a diagnostic report, which lists the environment. Node
 * keeps these in listeners of its own (lib/internal/process/pre_execution.js, report.js), which are taken off. What only a
 * start without NODE_OPTIONS can keep away (`--import`, `--heapsnapshot-near-heap-limit`) awg's launchers do.
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
