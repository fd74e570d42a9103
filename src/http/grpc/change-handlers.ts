import { failureOf } from "./call-failure.ts";
import type { HandlersFor } from "./handler.ts";
import { runnerOf, runVerb, withoutEmpty } from "./run-verb.ts";

/** What plans and changes: each is a verb of the command line. */
export const CHANGE_HANDLERS: HandlersFor<
  "Diff" | "Plan" | "Apply" | "Confirm" | "Rollback" | "Connect" | "Disconnect"
> = {
  Diff: async ({ config = "" }, call) => {
    const { code, document } = await runVerb(call, "diff", { config }, [1]);
    return { differs: code === 1, document };
  },
  Plan: async ({ config = "" }, call) => ({ document: (await runVerb(call, "plan", { config })).document }),
  Apply: async ({ config = "", confirm_within: confirmWithin = "" }, call, send) => {
    let sequence = 0;
    const asked = { action: "apply", params: withoutEmpty({ config, confirmWithin }) };
    const answer = await runnerOf(call).stream(asked, call.role, call.signal, (event) => {
      sequence += 1;
      const type = String(event["type"]);
      const result = type === "result" ? changeOf(event) : {};
      send({ sequence, type, event, ...result });
    });
    if (answer.code !== 0) throw failureOf(answer);
  },
  Confirm: async (_, call) => {
    const { document } = await runVerb(call, "confirm");
    return { generation: Number(document["generation"]) };
  },
  Rollback: async ({ generation, confirm_within: confirmWithin = "" }, call) => {
    // JSON of protobuf has numbers of 64 bits as text.
    const number = Number(generation ?? 0);
    const params = { confirmWithin, generation: number === 0 ? "" : String(number) };
    return changeOf((await runVerb(call, "rollback", params)).document);
  },
  Connect: async ({ tunnel = "" }, call) => ({ document: (await runVerb(call, "up", { tunnel })).document }),
  Disconnect: async ({ tunnel = "" }, call) => ({ document: (await runVerb(call, "down", { tunnel })).document }),
};

function changeOf(document: Readonly<Record<string, unknown>>): {
  readonly generation: number;
  readonly changed: boolean;
} {
  return { generation: Number(document["generation"]), changed: document["changed"] === true };
}
