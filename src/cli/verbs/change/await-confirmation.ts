import { setTimeout as sleep } from "node:timers/promises";
import type { StopSignal } from "../../../app/apply/applied.ts";
import type { AwaitedChange } from "../../../app/apply/awaited-change.ts";
import { AwgError } from "../../../model/error.ts";
import { hostWords } from "../../commands-here.ts";
import { printEvent } from "../../event-stream.ts";
import { flagOption, timeOption, type VerbCall } from "../../verb.ts";
import { ENTERED_NETNS } from "../../verb-options.ts";

const LOOK_MS = 200;
const DEFAULT_WITHIN_MS = 60_000;
/** How long the other process may take to revert before this one does. */
const GRACE_SECONDS = 10;

/**
 * The time of --confirm-within in milliseconds; undefined without confirmation. The default is 60 s over SSH, since a
 * mistake could cut the person off, and none elsewhere.
 */
export function confirmWithinOf(call: VerbCall, isOverSsh: boolean): number | undefined {
  const ms = timeOption(call, "confirmWithin", { flag: "--confirm-within", zero: "turns it off" });
  if (ms === undefined) return isOverSsh ? DEFAULT_WITHIN_MS : undefined;
  return ms === 0 ? undefined : ms;
}

/** AwgError usage for an unreadable time: reported before the host is read, and before anyone waits for a plan. */
export function refuseWrongTime(call: VerbCall): void {
  confirmWithinOf(call, false);
}

/**
 * Waits until the new state is confirmed or the old one is restored. A signal reverts at once. The end of the terminal
 * does not: the new state may have cut it off, and a new connection may confirm. If no other process watches (a
 * simulated host), or if that one fails, this process reverts at the deadline.
 *
 * @throws AwgError unconfirmed after a revert
 */
export async function awaitConfirmation(
  call: VerbCall,
  change: AwaitedChange,
  shouldStop: () => StopSignal | undefined,
): Promise<void> {
  reportWaiting(call, Math.round(change.secondsLeft()));
  for (;;) {
    const verdict = await change.verdict();
    if (verdict === "confirmed") return;
    if (verdict === "blocked") throw new AwgError("journal", "the old state could not be restored; see awg status");
    const signal = shouldStop();
    if (verdict === "reverted" || signal !== undefined) {
      if (verdict !== "reverted") await change.revert({ onlyIfDue: false });
      if (signal !== undefined) throw new AwgError("unconfirmed", "the old state is back");
      const isDue = change.secondsLeft() <= 0;
      const why = isDue ? "it was not confirmed in time" : "it was undone before it was confirmed";
      throw new AwgError("unconfirmed", `${why}; the old state is back`);
    }
    const overdueSeconds = -change.secondsLeft();
    if (overdueSeconds >= (change.isWatched ? GRACE_SECONDS : 0)) await change.revert({ onlyIfDue: true });
    else await sleep(LOOK_MS);
  }
}

function reportWaiting(call: VerbCall, seconds: number): void {
  const { terminal } = call;
  if (flagOption(call, "jsonStream")) {
    printEvent(terminal, { type: "unconfirmed", seconds });
    return;
  }
  terminal.err(
    `Applied and verified, but not confirmed: it is reverted in ${seconds} s.\n` +
      `Keep it, from a new connection or another terminal: ${onThisMachine("confirm", call)}\n` +
      `Undo it now: Ctrl-C, or ${onThisMachine("revert", call)}`,
  );
}

/** The command line of a verb for this call's host and state folder. */
export function onThisMachine(verb: string, call: Pick<VerbCall, "options" | "environment">): string {
  const { host, stateDir } = call.options;
  return `awg ${verb}${hostWords({ host, netns: call.environment[ENTERED_NETNS], stateDir })}`;
}
