import { AwgError } from "../../model/error.ts";
import type { ActionRunner } from "../run-action.ts";
import { failureOf } from "./call-failure.ts";
import type { GrpcCall } from "./handler.ts";

type Json = Readonly<Record<string, unknown>>;

/** The runner of a door that may run verbs. AwgError permission at one that may not. */
export function runnerOf({ parts: { runner } }: GrpcCall): ActionRunner {
  if (runner !== undefined) return runner;
  throw new AwgError("permission", "nothing can be run here", { remedy: "ask awg.sock" });
}

/**
 * Runs a verb and gives its document.
 *
 * @param params empty texts count as absent
 * @param fine exit codes beside 0 that are no failure
 * @throws CallFailure with the exit code of the verb
 */
export async function runVerb(
  call: GrpcCall,
  action: string,
  params: Json = {},
  fine: readonly number[] = [],
): Promise<{ readonly code: number; readonly document: Json }> {
  const answer = await runnerOf(call).run({ action, params: withoutEmpty(params) }, call.role, call.signal);
  const { code, data } = answer;
  const isFine = code === 0 || (fine.includes(code) && answer.message === undefined);
  if (!isFine) throw failureOf(answer);
  return { code, document: (data ?? {}) as Json };
}

/** Parameters of an action without the empty ones: protobuf does not distinguish empty and absent texts. */
export function withoutEmpty(params: Json): Json {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== "" && value !== undefined));
}
