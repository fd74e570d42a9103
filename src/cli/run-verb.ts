import { beginStream } from "./event-stream.ts";
import type { ExitCode } from "./exit-code.ts";
import { flagOption, type VerbCall, type VerbDefinition } from "./verb.ts";

/** Loads a verb and runs it; with --json-stream its stream begins before and ends after it. */
export async function runVerb(verb: VerbDefinition, call: VerbCall): Promise<ExitCode> {
  using _stream = flagOption(call, "jsonStream") ? beginStream(call.terminal) : undefined;
  const { run } = await verb.load();
  return await run(call);
}
