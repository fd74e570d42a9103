import { planPause, wakeDaemon } from "../../../app/down/change-down.ts";
import { changeHost, loadConfigFor } from "../../open-host.ts";
import { type RunVerb, timeOption } from "../../verb.ts";
import { executeVerb } from "./execute-plan.ts";

const DEFAULT_MS = 5 * 60_000;

/** `awg pause`: lets what the tunnels carry go direct for a time, which the daemon ends. */
export const run: RunVerb = (call) => {
  const forMs = timeOption(call, "for", { flag: "--for", zero: "is no time" }) ?? DEFAULT_MS;
  return changeHost(
    call,
    async (host) => {
      const planned = await planPause(host.parts, await loadConfigFor(call, host), forMs);
      const code = await executeVerb(
        call,
        host,
        { planned },
        {
          request: "pause",
          question: "Let traffic leave without a tunnel?",
          done: (_, { generation }) => `Paused (generation ${generation}). The daemon ends it; awg up ends it now.`,
          nothing: "No changes. Nothing goes by a tunnel.",
        },
      );
      await wakeDaemon(host.parts);
      return code;
    },
    true,
  );
};
