/** What went wrong, by who can do something about it. The exit code and whether to retry follow from it. */
export type ErrorKind =
  | "usage"
  | "config"
  | "permission"
  | "unsupported"
  | "conflict"
  | "locked"
  | "stale-plan"
  | "host"
  | "verification"
  | "invariant"
  | "unconfirmed"
  | "journal"
  | "bug";

/** Facts about an error, as data: the view prints them, tests compare them. Never a secret. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

const RETRYABLE: Readonly<Record<ErrorKind, boolean>> = {
  usage: false,
  config: false,
  permission: false,
  unsupported: false,
  conflict: false,
  locked: true,
  "stale-plan": false,
  host: true,
  verification: true,
  invariant: false,
  unconfirmed: false,
  journal: false,
  bug: false,
};

export interface AwgErrorOptions {
  readonly facts?: ErrorFacts;
  readonly cause?: unknown;
  /** What the person should do, one clause; printed after the message. */
  readonly remedy?: string;
}

/** The one error class of awg. The message is one lower-case sentence: what and where; the remedy says what to do. */
export class AwgError extends Error {
  readonly kind: ErrorKind;
  readonly facts: ErrorFacts;
  readonly remedy: string | undefined;

  constructor(kind: ErrorKind, message: string, options: AwgErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AwgError";
    this.kind = kind;
    this.facts = options.facts ?? {};
    this.remedy = options.remedy;
  }

  /** Whether the same call may succeed later without a change by a person. */
  get retryable(): boolean {
    return RETRYABLE[this.kind];
  }
}

/** The message of whatever was thrown, in one line. */
export function messageOf(error: unknown): string {
  if (error instanceof AwgError && error.remedy !== undefined) return `${error.message}; ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
