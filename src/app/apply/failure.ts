import { AwgError, messageOf } from "../../model/error.ts";
import { type Outcome, trafficAfter } from "../../reconciler/apply/outcome.ts";
import type { Verb } from "../../reconciler/journal/journal-record.ts";
import type { Expansion } from "../../resources/expand.ts";

/** Throws the error of a failed apply or destroy: its cause, the state of the host, and what to do. */
export function throwFailure(
  outcome: Extract<Outcome, { kind: "rolledBack" | "rollbackIncomplete" }>,
  verb: Verb,
): never {
  const cause = messageOf(outcome.cause);
  if (outcome.kind === "rollbackIncomplete") {
    const state = trafficAfter(outcome);
    throw new AwgError(
      "journal",
      `${verb} failed (${cause}) and so did the rollback (${messageOf(outcome.rollbackCause)}); ${state}`,
      {
        cause: outcome.cause,
        facts: { journal: outcome.journal },
        remedy: `fix the cause and run awg ${verb} again; the open journal is ${outcome.journal}`,
      },
    );
  }
  if (outcome.interruptedBy !== undefined) throw new AwgError("host", "the change is undone", { cause: outcome.cause });
  const failedReadBack = outcome.cause instanceof AwgError && outcome.cause.kind === "verification";
  throw new AwgError(failedReadBack ? "verification" : "host", `${verb} failed and was rolled back: ${cause}`, {
    cause: outcome.cause,
  });
}

/**
 * Throws when the config asks for something that this host or version cannot do; nothing was changed.
 *
 * @param places `file:line:column` of parts of the config, by their paths
 */
export function refuseUnsupported({ unsupported }: Expansion, places: Readonly<Record<string, string>> = {}): void {
  if (unsupported.length === 0) return;
  const lines = unsupported.map(({ path, message }) => {
    const place = places[path];
    return `${place === undefined ? "" : `${place}: `}${path}: ${message}`;
  });
  throw new AwgError("unsupported", lines.join("\n     "), {
    facts: { unsupported: lines },
    remedy: "nothing was changed",
  });
}
