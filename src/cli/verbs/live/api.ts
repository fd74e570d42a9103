import { resolve } from "node:path";
import { ADMIN_GROUP } from "../../../model/ownership.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { listOption, type RunVerb, textOption, timeOption } from "../../verb.ts";
import { eventText } from "../system/loop-report.ts";
import { untilStopped } from "./until-stopped.ts";

/** `awg api`: answers on the API's socket until SIGTERM, or until it was idle for a time. */
export const run: RunVerb = async (call) => {
  const { serveApi } = await import("../../../compose/api.ts");
  const stateDir = textOption(call, "stateDir");
  const idleMs = timeOption(call, "idle", { flag: "--idle", zero: "never ends it" });
  await serveApi({
    host: hostOptionsOf(call),
    textOf: eventText,
    // A verb may need more memory than this process may have.
    program: [
      process.execPath,
      ...process.execArgv.filter((word) => !word.startsWith("--max-")),
      process.argv[1] ?? "awg",
    ],
    hostWords: stateDir === undefined ? [] : ["--state-dir", stateDir],
    configFiles: listOption(call, "file").map((path) => resolve(path)),
    group: textOption(call, "group") ?? ADMIN_GROUP,
    signal: untilStopped(),
    ...(idleMs === undefined || idleMs === 0 ? {} : { idleMs }),
    onListening: (path) => call.terminal.err(`answering on ${path}`),
    onWarning: (text) => call.terminal.err(text),
  });
  return EXIT.success;
};
