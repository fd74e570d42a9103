import { ReconcilingSession } from "./reconciling-session.ts";
import type { SessionOptions } from "./session.ts";

/** Opens the machine that the options name; loads only the code of that machine. */
export async function openSession(options: SessionOptions): Promise<ReconcilingSession> {
  if (options.host.kind === "simulated") {
    const { simulatedParts } = await import("./simulated-parts.ts");
    return new ReconcilingSession(simulatedParts(options), options);
  }
  if (process.platform === "darwin") {
    const { darwinParts } = await import("./darwin/darwin-parts.ts");
    return new ReconcilingSession(darwinParts(options), options);
  }
  const { linuxParts } = await import("./linux-parts.ts");
  return new ReconcilingSession(linuxParts(options), options);
}
