import { planRollback } from "../../../app/plan/planner.ts";
import { AwgError } from "../../../model/error.ts";
import { changeHost } from "../../open-host.ts";
import type { RunVerb } from "../../verb.ts";
import { refuseWrongTime } from "./await-confirmation.ts";
import { executeVerb } from "./execute-plan.ts";

/** `awg rollback [N]`: an accepted generation becomes the desired state again, as a new generation. */
export const run: RunVerb = async (call) => {
  const [text] = call.args;
  if (text !== undefined && !/^[1-9][0-9]{0,14}$/.test(text)) {
    throw new AwgError("usage", `"${text}" is not the number of a generation`, { remedy: "see awg history" });
  }
  refuseWrongTime(call);
  return changeHost(call, async (host) => {
    const planned = await planRollback(host.parts, text === undefined ? undefined : Number(text));
    return executeVerb(
      call,
      host,
      { planned },
      {
        request: "rollback",
        question: "Go back to this generation?",
        done: (_, { generation }) => `Rolled back and verified (generation ${generation}).`,
        nothing: "No changes. The host is as that generation says.",
      },
    );
  });
};
