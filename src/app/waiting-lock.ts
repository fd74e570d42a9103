import { AwgError } from "../model/error.ts";
import type { HostParts } from "./parts.ts";

/** A repair of the daemon takes a second or two. */
const LONGEST_MS = 10_000;
const LOOK_MS = 100;
const UNNOTICED_MS = 300;

/** The host's lock that waits for another awg, up to ten seconds, and reports that once. A stopped one is not waited for. */
export function waitingLock({ lock, onWait }: Pick<HostParts, "lock" | "onWait">): HostParts["lock"] {
  return async (verb) => {
    let isReported = false;
    for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
      try {
        return await lock(verb);
      } catch (error) {
        const isWaitedFor = error instanceof AwgError && error.kind === "locked" && error.facts["stopped"] !== true;
        if (!isWaitedFor || waitedMs >= LONGEST_MS) throw error;
        if (!isReported && waitedMs >= UNNOTICED_MS) {
          onWait?.(`waiting up to ${LONGEST_MS / 1000} s for ${nameOf(error)} …`);
          isReported = true;
        }
        await (await import("node:timers/promises")).setTimeout(LOOK_MS);
      }
    }
  };
}

/** "the daemon (process 4242)". */
function nameOf({ facts: { verb, pid } }: AwgError): string {
  const who = verb === "daemon" ? "the daemon" : "another awg";
  return pid === undefined ? who : `${who} (process ${String(pid)})`;
}
