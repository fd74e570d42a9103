import { runUtunKeeper } from "../keeper/darwin/run-utun-keeper.ts";
import { endOnSignals } from "../keeper/serving/keeper-life.ts";
import { forbidDumps } from "../native/darwin/forbid-dumps.ts";
import { openLibSystem } from "../native/darwin/libsystem.ffi.ts";
import { DARWIN_NAME_FOLDER } from "./paths.ts";

/** The keeper's life on a Mac; see `runKeeper` for Linux. */
export async function runDarwinKeeper(runDir: string, { isService = false } = {}): Promise<void> {
  process.umask(0o077);
  process.chdir("/");
  const system = openLibSystem();
  forbidDumps(system);
  await runUtunKeeper({ system, runDir, nameFolder: DARWIN_NAME_FOLDER, isService, ended: endOnSignals() });
}
