import { planDownChange, wakeDaemon } from "../../../app/down/change-down.ts";
import { changeHost, loadConfigFor } from "../../open-host.ts";
import { type RunVerb, timeOption, type VerbCall } from "../../verb.ts";
import { refuseWrongTime } from "./await-confirmation.ts";
import { executeVerb } from "./execute-plan.ts";

/** `awg down [TUNNEL]`: takes tunnels down and records it. */
export const run: RunVerb = (call) => changeTunnels(call, true);

/** Takes one tunnel, or all, down or up. The verb names the change, so no question follows the plan. */
export function changeTunnels(call: VerbCall, isDown: boolean): ReturnType<RunVerb> {
  refuseWrongTime(call);
  const [tunnel] = call.args;
  return changeHost(
    call,
    async (host) => {
      const loaded = await loadConfigFor(call, host);
      const forMs = timeOption(call, "for", { flag: "--for", zero: "is no time" });
      const wanted = {
        isDown,
        ...(tunnel === undefined ? {} : { tunnel }),
        ...(forMs === undefined ? {} : { forMs }),
      };
      const { planned, changed } = await planDownChange(host.parts, loaded, wanted);
      const word = isDown ? "Down" : "Up";
      const names = changed.length === 0 ? "no tunnel was changed" : changed.join(", ");
      const code = await executeVerb(
        call,
        host,
        { planned },
        {
          request: isDown ? "down" : "up",
          question: "",
          approved: true,
          done: (_, { generation }) => `${word} and verified (generation ${generation}): ${names}.`,
          nothing: `No changes. ${tunnel === undefined ? "Every tunnel" : `Tunnel "${tunnel}"`} is ${word.toLowerCase()} already.`,
        },
      );
      if (forMs !== undefined) await wakeDaemon(host.parts);
      return code;
    },
    true,
  );
}
