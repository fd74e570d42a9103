import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import type { RunVerb } from "../../verb.ts";

/** `awg packet-thread`: runs the embedded engine's packet thread until its end is requested. */
export const run: RunVerb = async () => {
  const { isMainThread } = await import("node:worker_threads");
  if (isMainThread)
    throw new AwgError("usage", "awg packet-thread is a thread of awg engine, not a program of its own");
  const { runPacketThread } = await import("../../../compose/processes.ts");
  await runPacketThread();
  return EXIT.success;
};
