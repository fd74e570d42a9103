import { isMainThread } from "node:worker_threads";
import { EXIT } from "./exit-code.ts";
import { runCommandLine } from "./main.ts";

async function start(): Promise<void> {
  if (!isMainThread) {
    await import("../compose/packet-thread.ts");
    return;
  }
  process.exitCode = await runCommandLine(process.argv.slice(2), process.env);
}

start().catch((error: unknown) => {
  process.stderr.write(`awg: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = EXIT.bug;
});
