import type { ErrorKind } from "../../model/error.ts";
import type { EXIT } from "../exit-code.ts";

/** What each exit code means, one line; the reference prints it. */
export const EXIT_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  success: "Success. `diff`: no differences. `doctor`: no faults.",
  differences: "`diff`: there are differences. wg verbs: any failure.",
  changed: "With `--detailed-exitcode`: success, with changes or drift.",
  config: "The config has errors, or `lifecycle.protect` forbids the plan. Nothing was changed.",
  rolledBack: "The change failed and was rolled back.",
  rollbackIncomplete: "The change and its rollback failed, or a state file is damaged. Traffic is blocked, not open.",
  verification:
    "A check failed: the read-back of an apply (rolled back), `verify`, `explain`, `doctor` or `status --check`.",
  invariant: "An invariant of the config does not hold. Nothing was changed.",
  conflict: "Another program has what a resource needs. Nothing was changed.",
  unconfirmed: "The change was not confirmed in time and was reverted.",
  locked:
    "Another awg changes this host for more than 10 s, another daemon keeps it, or a change waits for `awg confirm`.",
  stalePlan: "The saved plan no longer fits the config or the host.",
  unsupported: "This host or this version of awg cannot do what the config asks for.",
  unreachable: "No daemon answers: `events`, `wait`.",
  usage: "Wrong usage, or the change was not approved.",
  bug: "An internal error of awg.",
  unwritten: "The output could not be written, as on a full disk.",
  permission: "The verb needs root.",
  hungUp: "SIGHUP: the terminal closed. The change was undone.",
  interrupted: "SIGINT (Ctrl-C). The change was undone.",
  terminated: "SIGTERM. The change was undone.",
};

/** What the `kind` of an error document means. */
export const ERROR_KIND_MEANING: Readonly<Record<ErrorKind, string>> = {
  usage: "wrong usage",
  config: "the config has errors",
  permission: "missing rights",
  unsupported: "not possible on this host or in this version",
  conflict: "another program has what a resource needs",
  locked: "another awg is at work",
  "stale-plan": "the saved plan no longer fits",
  host: "a change failed",
  verification: "a check failed",
  invariant: "an invariant does not hold",
  unconfirmed: "not confirmed in time",
  journal: "a state file is damaged, or a rollback failed",
  unreachable: "no daemon answers",
  bug: "an internal error",
};
