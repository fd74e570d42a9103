import { resolve } from "node:path";
import { LOG_LEVELS, type LogLevel } from "../../../api/daemon-lines.ts";
import { installedConfigFile } from "../../../compose/config-file.ts";
import { AwgError } from "../../../model/error.ts";
import { writeEvent } from "../../event-stream.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { flagOption, listOption, type RunVerb, textOption, type VerbCall } from "../../verb.ts";
import { statusDocument } from "../inspect/status.view.ts";
import { logLine } from "./loop-report.ts";

/** `awg daemon`: keeps the host as declared until SIGTERM or SIGINT; SIGHUP makes it look. */
export const run: RunVerb = async (call) => {
  const named = listOption(call, "file");
  const files = (named.length > 0 ? named : [installedConfigFile()]).map((path) => resolve(path));
  const { startDaemon } = await import("../../../compose/start-daemon.ts");
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve());
  const json = flagOption(call, "json");
  const logFile = textOption(call, "logFile");
  using log = logFile === undefined ? undefined : await openLog(logFile);
  const write = (line: string): void => (log === undefined ? call.terminal.err(line) : log.write(line));
  await startDaemon({
    ...hostOptionsOf(call),
    files,
    notify: flagOption(call, "notify"),
    logLevel: levelOption(call),
    statusDocument,
    report: (report) => {
      if (json) writeEvent(call.terminal, write, report);
      else write(logLine(report, log === undefined ? call.environment : {}, new Date()));
    },
    untilStopped: stopped.promise,
  });
  return EXIT.success;
};

async function openLog(path: string) {
  const { RotatedLog } = await import("../../../daemon/serving/rotated-log.ts");
  return new RotatedLog(resolve(path));
}

function levelOption(call: VerbCall): LogLevel {
  const asked = textOption(call, "logLevel") ?? "debug";
  const level = LOG_LEVELS.find((one) => one === asked);
  if (level !== undefined) return level;
  throw new AwgError("usage", `there is no log level "${asked}"`, { remedy: `one of ${LOG_LEVELS.join(", ")}` });
}
