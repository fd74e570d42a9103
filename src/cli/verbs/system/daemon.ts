import { resolve } from "node:path";
import { installedConfigFile } from "../../../compose/config-file.ts";
import { writeEvent } from "../../event-stream.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { flagOption, listOption, type RunVerb } from "../../verb.ts";
import { statusDocument } from "../inspect/status.view.ts";
import { logLine } from "./loop-report.ts";

/** `awg daemon`: keeps the host as declared until SIGTERM or SIGINT; SIGHUP makes it look. */
export const run: RunVerb = async (call) => {
  const named = listOption(call, "file");
  const files = (named.length > 0 ? named : [installedConfigFile()]).map((path) => resolve(path));
  const { startDaemon } = await import("../../../compose/daemon/start-daemon.ts");
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve());
  const json = flagOption(call, "json");
  await startDaemon({
    ...hostOptionsOf(call),
    files,
    notify: flagOption(call, "notify"),
    statusDocument,
    report: (report) => {
      if (json) writeEvent(call.terminal, (line) => call.terminal.err(line), report);
      else call.terminal.err(logLine(report, call.environment, new Date()));
    },
    untilStopped: stopped.promise,
  });
  return EXIT.success;
};
