import { AwgError } from "../model/error.ts";
import { VERSION } from "../model/version.ts";

/** Format of journal, ledger and generations; readers accept the previous one too. */
export const FORMAT_VERSION = 1;

/** The boot and the network namespace that wrote a file. */
export interface StateIdentity {
  /** Changes with every boot. */
  readonly bootId: string;
  /** The network namespace, where it can be identified. */
  readonly namespace: string;
}

/** First line of every file in the state folder. */
export interface Envelope extends StateIdentity {
  readonly format: number;
  readonly writer: string;
}

/** The first line for a file written now. */
export function envelopeFor(identity: StateIdentity): Envelope {
  return { format: FORMAT_VERSION, writer: `awg ${VERSION}`, ...identity };
}

/**
 * Parses a first line; AwgError journal when it is invalid, or its format is neither this nor the previous version.
 */
export function readEnvelope(value: unknown, path: string): Envelope {
  const fields = (typeof value === "object" && value !== null ? value : {}) as Partial<Record<keyof Envelope, unknown>>;
  const { format, writer, bootId, namespace } = fields;
  if (
    typeof format !== "number" ||
    typeof writer !== "string" ||
    typeof bootId !== "string" ||
    typeof namespace !== "string"
  ) {
    throw damaged(path, "does not begin like a file of awg");
  }
  if (format > FORMAT_VERSION) {
    throw new AwgError(
      "journal",
      `${path} has format ${format} and was written by ${writer}, which is newer than this program`,
      {
        facts: { path, format, state: "newer" },
        remedy: "use that version, or run awg doctor for other remedies",
      },
    );
  }
  if (!Number.isInteger(format) || format < Math.max(1, FORMAT_VERSION - 1))
    throw damaged(path, `has the unknown format ${format}`);
  return { format, writer, bootId, namespace };
}

/** The error for a file with content that awg did not write. Nothing is guessed from it, and nothing may be changed. */
export function damaged(path: string, what: string): AwgError {
  return new AwgError("journal", `${path} ${what}`, {
    facts: { path, state: "damaged" },
    remedy: "run awg doctor; it lists the remedies and their cost",
  });
}
