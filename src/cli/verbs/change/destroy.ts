import { planDestroy } from "../../../app/plan/planner.ts";
import { changeHost } from "../../open-host.ts";
import type { RunVerb } from "../../verb.ts";
import { executeVerb } from "./execute-plan.ts";

/** `awg destroy`: removes all that is ours, the kill switch last, and puts back what was replaced. */
export const run: RunVerb = (call) =>
  changeHost(call, async (host) =>
    executeVerb(
      call,
      host,
      { planned: await planDestroy(host.parts) },
      {
        request: "destroy",
        question: "Remove all of this? Traffic is no longer protected then.",
        done: ({ returning = [], unrecorded }, { kept }) => {
          if (kept !== undefined) return `Destroyed, except for ${kept}`;
          if (unrecorded) return "Destroyed. Kernel settings stay as awg set them: their former values are lost.";
          const servers = returning.length === 0 ? "" : ` Name servers: ${returning.join(", ")}.`;
          return `Destroyed. The host's own settings are restored.${servers}`;
        },
        nothing: "Nothing to destroy. awg owns nothing on this host.",
      },
    ),
  );
