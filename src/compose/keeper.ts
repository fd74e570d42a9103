import { disableInspection } from "../native/disable-inspection.ts";

/** Runs the keeper of this system; see `src/keeper/run-keeper.ts` and `src/keeper/darwin/run-utun-keeper.ts`. */
export async function runKeeper(runDir: string, options: { readonly isService?: boolean } = {}): Promise<void> {
  disableInspection();
  if (process.platform === "darwin") {
    const { runDarwinKeeper } = await import("./darwin-keeper.ts");
    return runDarwinKeeper(runDir, options);
  }
  const linux = await import("../keeper/run-keeper.ts");
  return linux.runKeeper(runDir, options);
}
