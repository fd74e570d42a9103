import { AwgError, messageOf } from "../../model/error.ts";
import { type Outcome, trafficAfter } from "../../reconciler/apply/outcome.ts";
import type { Verb } from "../../reconciler/journal/journal-record.ts";
import type { Expansion } from "../../resources/expand.ts";

/** Throws what an apply or destroy that did not succeed is reported as: its cause, how the machine stands, what to do. */
export function throwFailure(
  outcome: Extract<Outcome, { kind: "rolledBack" | "rollbackIncomplete" }>,
  verb: Verb,
): never {
  const cause = messageOf(outcome.cause);
  if (outcome.kind === "rollbackIncomplete") {
    const state = trafficAfter(outcome);
    throw new AwgError(
      "journal",
      `${verb} failed (${cause}) and so did the way back (${messageOf(outcome.rollbackCause)}); ${state}`,
      {
        cause: outcome.cause,
        facts: { journal: outcome.journal },
        remedy: `mend the cause and ${verb} again; the open journal is ${outcome.journal}`,
      },
    );
  }
  if (outcome.interruptedBy !== undefined)
    throw new AwgError("host", "what had begun is undone", { cause: outcome.cause });
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
