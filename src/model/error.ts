/** What failed, by who can act on it. The exit code and retries follow from it. */
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
  | "unreachable"
  | "bug";

/** Facts about an error, as data: views print them, tests compare them. Never a secret. */
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
  unreachable: true,
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

/** The message of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  if (error instanceof AwgError && error.remedy !== undefined) return `${error.message}; ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}

/** The packet filter that was restored after an error, for a line of its own; undefined if none was. */
export function restoredNote(error: unknown): string | undefined {
  const restored = error instanceof AwgError ? error.facts["packetFilter"] : undefined;
  return typeof restored === "string" ? restored : undefined;
}

/** The errno numbers of one system that awg's calls can return, with name and meaning. */
export type ErrnoTable = Readonly<Record<number, readonly [name: string, words: string]>>;

const KINDS: Readonly<Record<string, ErrorKind>> = {
  EPERM: "permission",
  EACCES: "permission",
  ENOSYS: "unsupported",
  ENOTTY: "unsupported",
  ENOTSUP: "unsupported",
  EOPNOTSUPP: "unsupported",
  EPROTONOSUPPORT: "unsupported",
  EAFNOSUPPORT: "unsupported",
  ENOPROTOOPT: "unsupported",
  EBUSY: "conflict",
  EEXIST: "conflict",
};

/** The remedy for too many open files, in this process (EMFILE) or on this host (ENFILE). */
export const OPEN_FILES_REMEDIES: Readonly<Record<string, string>> = {
  EMFILE: "raise the limit of open files of the program that starts awg (ulimit -n 1024; LimitNOFILE= of its service)",
  ENFILE: "raise the host's limit of open files (sysctl fs.file-max), or end the program that uses so many",
};

/** What is known of a failed call beside its errno. */
export interface CallDetail {
  /** The kernel's own sentence (netlink extended ACK). */
  readonly note?: string | undefined;
  readonly remedy?: string | undefined;
  readonly facts?: ErrorFacts | undefined;
}

/** The symbolic name of an errno number, `errno 999` for an unknown one. */
export function nameOfErrno(table: ErrnoTable, errno: number): string {
  return table[errno]?.[0] ?? `errno ${errno}`;
}

/**
 * The error of a failed call to the kernel: "adding route 10.0.0.0/8 failed: already exists (EEXIST)". `facts.errno` is
 * the symbolic name, for comparison.
 *
 * @param action the action, starting with a verb
 * @param permissionRemedy the remedy for missing rights, if `detail` has none
 */
export function callError(
  table: ErrnoTable,
  permissionRemedy: () => string,
  [action, errno, { note, remedy, facts }]: readonly [action: string, errno: number, detail: CallDetail],
): AwgError {
  const name = nameOfErrno(table, errno);
  const kind = KINDS[name] ?? "host";
  const said = note === undefined ? "" : `; the kernel says "${note}"`;
  const todo = remedy ?? (kind === "permission" ? permissionRemedy() : OPEN_FILES_REMEDIES[name]);
  return new AwgError(kind, `${action} failed: ${table[errno]?.[1] ?? "unknown error"} (${name})${said}`, {
    facts: { ...facts, errno: name },
    ...(todo === undefined ? {} : { remedy: todo }),
  });
}
