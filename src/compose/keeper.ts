import { endOnSignals } from "../keeper/serving/keeper-life.ts";
import { disableInspection } from "../native/disable-inspection.ts";
import { DARWIN_NAME_FOLDER } from "./paths.ts";

interface KeeperOptions {
  readonly isService?: boolean;
}

/** Runs the keeper of this system until it ends; see `src/keeper/run-keeper.ts` and `src/keeper/darwin/run-utun-keeper.ts`. */
export async function runKeeper(runDir: string, options: KeeperOptions = {}): Promise<void> {
  disableInspection();
  if (process.platform === "darwin") return runDarwinKeeper(runDir, options);
  const linux = await import("../keeper/run-keeper.ts");
  return linux.runKeeper(runDir, options);
}

/** Runs awg's resolver in this process, under a keeper; no other program of its user may read its memory. */
export async function runNames(): Promise<void> {
  const { forbidDumps } = await import("../native/linux/process/credentials.ffi.ts");
  const { runResolver } = await import("../resolver/run-resolver.ts");
  forbidDumps();
  await runResolver();
}

async function runDarwinKeeper(runDir: string, { isService = false }: KeeperOptions): Promise<void> {
  const { openLibSystem } = await import("../native/darwin/libsystem.ffi.ts");
  const { forbidDumps } = await import("../native/darwin/forbid-dumps.ts");
  const { runUtunKeeper } = await import("../keeper/darwin/run-utun-keeper.ts");
  process.umask(0o077);
  process.chdir("/");
  const system = openLibSystem();
  forbidDumps(system);
  await runUtunKeeper({ system, runDir, nameFolder: DARWIN_NAME_FOLDER, isService, ended: endOnSignals() });
}
