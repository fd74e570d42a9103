import type { DaemonEvent } from "../../../api/daemon-lines.ts";
import { FROM_THE_OLDEST } from "../../../api/daemon-lines.ts";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { flagOption, type RunVerb, type VerbCall } from "../../verb.ts";
import { eventText } from "../system/loop-report.ts";
import { untilStopped } from "./until-stopped.ts";

/** `awg events`: what the daemon did lately, and with --follow what it does. */
export const run: RunVerb = async (call) => {
  const { askDaemonOf } = await import("../../../compose/ask-daemon.ts");
  const signal = untilStopped();
  const isFollowing = flagOption(call, "follow");
  const question = { id: 1, ask: "watch", after: FROM_THE_OLDEST } as const;
  for await (const line of askDaemonOf(hostOptionsOf(call), question, signal)) {
    if ("error" in line) throw new AwgError("unreachable", line.error);
    if ("event" in line) print(call, line.event);
    if ("caughtUp" in line && !isFollowing) break;
  }
  return EXIT.success;
};

/** People get the lines of the daemon's log; the status itself is for programs. */
function print({ terminal, options }: VerbCall, event: DaemonEvent): void {
  if (options["json"] === true) terminal.out(JSON.stringify(event));
  else if (event.type !== "status") terminal.out(`${event.at} ${eventText(event)}`);
}
