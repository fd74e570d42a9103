import type { SessionParts } from "../app/parts.ts";
import { ReconcilingSession } from "../app/reconciling-session.ts";
import type { SessionOptions } from "../app/session.ts";

/** Opens the machine that the options name; loads only the code of that machine. */
export async function openSession(options: SessionOptions): Promise<ReconcilingSession> {
  return new ReconcilingSession(await openParts(options), options);
}

/** What a session on the machine stands on. */
export async function openParts(options: SessionOptions): Promise<SessionParts> {
  if (options.host.kind === "simulated") return (await import("./simulated-parts.ts")).simulatedParts(options);
  if (process.platform === "darwin") return (await import("./darwin-parts.ts")).darwinParts(options);
  return (await import("./linux-parts.ts")).linuxParts(options);
}
