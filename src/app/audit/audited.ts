import { messageOf } from "../../model/error.ts";
import { type AuditEntry, readAudit } from "../../state/audit/audit-file.ts";
import type { HostParts } from "../parts.ts";

export type { AuditEntry } from "../../state/audit/audit-file.ts";

const MOST_LETTERS = 500;

type Outcome = Pick<AuditEntry, "result" | "generation">;
/** How a change ended; undefined if there was nothing to do. */
export type AuditOutcome = Outcome | undefined;
type Request = Pick<AuditEntry, "request" | "configHash">;

/**
 * Does something and records who asked for it and how it ended; a change that found nothing to do is not recorded. A
 * record that cannot be written, as on a full disk, prevents no repair.
 */
export async function audited<T>(
  { audit, clock }: Pick<HostParts, "audit" | "clock">,
  request: Request,
  act: () => Promise<T>,
  outcomeOf: (done: T) => AuditOutcome,
): Promise<T> {
  const note = (outcome: Outcome & Pick<AuditEntry, "error">): void => {
    try {
      audit?.({ at: new Date(clock.nowMs()).toISOString(), ...request, ...outcome });
    } catch {
      // The state folder itself reports that it cannot be written.
    }
  };
  let done: T;
  try {
    done = await act();
  } catch (error) {
    note({ result: "failed", generation: null, error: messageOf(error).slice(0, MOST_LETTERS) });
    throw error;
  }
  const outcome = outcomeOf(done);
  if (outcome !== undefined) note(outcome);
  return done;
}

/** The recorded changes of a host with this state folder, oldest first. AwgError permission for whoever may not read it. */
export function recordedChanges(stateDir: string): readonly AuditEntry[] {
  return readAudit(stateDir);
}
