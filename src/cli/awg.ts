import { writeLog } from "../native/write-log.ts";
import { EXIT } from "./exit-code.ts";
import { runCommandLine } from "./main.ts";

runCommandLine(process.argv.slice(2), process.env).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    writeLog(`awg: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT.bug;
  },
);
