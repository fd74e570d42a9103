import { AwgError, type ErrorKind } from "../model/error.ts";

/** Every exit code of awg; exit-meaning.ts says what each means. */
export const EXIT = {
  success: 0,
  /** Only `awg diff`: there are differences. */
  differences: 1,
  /** Only with --detailed-exitcode: succeeded, with changes. */
  changed: 2,
  config: 3,
  rolledBack: 4,
  rollbackIncomplete: 5,
  verification: 6,
  invariant: 7,
  conflict: 8,
  unconfirmed: 9,
  locked: 10,
  stalePlan: 11,
  unsupported: 12,
  unreachable: 13,
  usage: 64,
  bug: 70,
  /** The output of the verb could not be written to its destination. */
  unwritten: 74,
  permission: 77,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const CODE_OF_KIND: Readonly<Record<ErrorKind, ExitCode>> = {
  usage: EXIT.usage,
  config: EXIT.config,
  permission: EXIT.permission,
  unsupported: EXIT.unsupported,
  conflict: EXIT.conflict,
  locked: EXIT.locked,
  "stale-plan": EXIT.stalePlan,
  host: EXIT.rolledBack,
  verification: EXIT.verification,
  invariant: EXIT.invariant,
  unconfirmed: EXIT.unconfirmed,
  journal: EXIT.rollbackIncomplete,
  unreachable: EXIT.unreachable,
  bug: EXIT.bug,
};

/** The exit code of whatever was thrown; what is not an AwgError is an internal error. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof AwgError ? CODE_OF_KIND[error.kind] : EXIT.bug;
}
