import { EXIT } from "./exit-code.ts";
import { runCommandLine } from "./main.ts";
import { processTerminal } from "./terminal.ts";

runCommandLine(process.argv.slice(2), process.env).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    processTerminal(process.env, false).err(`awg: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = EXIT.bug;
  },
);
