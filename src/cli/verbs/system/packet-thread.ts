import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import type { RunVerb } from "../../verb.ts";

/** `awg packet-thread`: what the embedded engine's packet thread runs; it returns when the thread is told to end. */
export const run: RunVerb = async () => {
  const { isMainThread } = await import("node:worker_threads");
  if (isMainThread)
    throw new AwgError("usage", "awg packet-thread is a thread of awg engine, not a program of its own");
  await import("../../../compose/packet-thread.ts");
  return EXIT.success;
};
