import { AwgError } from "../../../model/error.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";
import type { CommandResult, RunCommand } from "../command.ts";
import { isDisabled, type JobState, parseJobState } from "./launchctl-print.ts";

const LAUNCHCTL = "/bin/launchctl";
/** ExitTimeOut is 20 s by default; then launchd kills. */
const LONGEST_EXIT_MS = 25_000;
const LOOK_MS = 500;
const RETRY_WAITS_MS: readonly number[] = [1000, 2000, 3000];

/** The relevant exit codes of launchctl (sysexits, errno and launchd's own). */
const CODE = {
  notPermitted: 1,
  noProcess: 3,
  io: 5,
  inProgress: 36,
  already: 37,
  noDomain: 112,
  notFound: 113,
  disabled: 119,
  noSession: 125,
  sip: 150,
};

/** A job by its domain and label. */
export interface Job {
  /** `system`, or `gui/<uid>`. */
  readonly domain: string;
  readonly label: string;
}

/** The domain of a job: the system, or a user's session. */
export function domainOf(uid: number | undefined): string {
  return uid === undefined ? "system" : `gui/${uid}`;
}

/** The state of a job in launchd; `no-session` when its user is not logged in. */
export type JobFound = JobState | "not-loaded" | "no-session";

/**
 * Sequences of launchctl commands that end in a known state; where exit codes are ambiguous, its output decides. `load`
 * and `unload` are never used.
 */
export class Launchctl {
  readonly #run: RunCommand;
  readonly #sleep: (ms: number) => Promise<void>;

  constructor(run: RunCommand, sleep: (ms: number) => Promise<void>) {
    this.#run = run;
    this.#sleep = sleep;
  }

  /** @throws AwgError("host" | "permission" | "unsupported") for an answer that leaves open whether it is loaded. */
  async find(job: Job): Promise<JobFound> {
    const result = await this.#ask(["print", target(job)]);
    if (result.status === 0) return parseJobState(result.stdout);
    if (hasNoDomain(result)) return "no-session";
    if (result.status === CODE.notFound || result.status === CODE.noProcess) return "not-loaded";
    throw refused("print", target(job), result);
  }

  /** @throws AwgError as `find`; without a session nothing is disabled. */
  async isDisabled({ domain, label }: Job): Promise<boolean> {
    const result = await this.#ask(["print-disabled", domain]);
    if (result.status === 0) return isDisabled(result.stdout, label);
    if (hasNoDomain(result)) return false;
    throw refused("print-disabled", domain, result);
  }

  /** The override is stored outside the plist and outlives it. */
  async setDisabled(job: Job, disabled: boolean): Promise<void> {
    const verb = disabled ? "disable" : "enable";
    const result = await this.#ask([verb, target(job)]);
    if (result.status !== 0) throw refused(verb, target(job), result);
  }

  /**
   * Loads a plist. Exit code 5 may mean that the job is loaded, still ending, disabled, or that the plist is invalid;
   * it is retried while an earlier bootout may be running. A user who is not logged in is no failure: launchd loads the
   * agent at login.
   */
  async bootstrap(job: Job, path: string): Promise<void> {
    const wasDisabled = await this.isDisabled(job);
    if (wasDisabled) await this.setDisabled(job, false);
    try {
      await this.#bootstrap(job, path);
    } finally {
      if (wasDisabled) await this.setDisabled(job, true);
    }
  }

  /** Unloads a job and waits until launchd has removed it. Not loaded is success. */
  async bootout(job: Job): Promise<void> {
    const found = await this.find(job);
    if (found === "not-loaded" || found === "no-session") return;
    const result = await this.#ask(["bootout", target(job)]);
    for (let waitedMs = 0; waitedMs <= LONGEST_EXIT_MS; waitedMs += LOOK_MS) {
      const now = await this.find(job);
      if (now === "not-loaded" || now === "no-session") return;
      await this.#sleep(LOOK_MS);
    }
    throw refused("bootout", target(job), result);
  }

  /** Starts a loaded job; `again` restarts a running one. */
  async kickstart(job: Job, again: boolean): Promise<void> {
    const result = await this.#ask(["kickstart", ...(again ? ["-k"] : []), target(job)]);
    if (result.status !== 0 && result.status !== CODE.already) throw refused("kickstart", target(job), result);
  }

  async #bootstrap(job: Job, path: string): Promise<void> {
    let result: CommandResult | undefined;
    for (const waitMs of [0, ...RETRY_WAITS_MS]) {
      if (waitMs > 0) await this.#sleep(waitMs);
      result = await this.#ask(["bootstrap", job.domain, path]);
      if (result.status === 0) return;
      const found = await this.find(job);
      if (typeof found === "object" || (found === "no-session" && job.domain !== "system")) return;
      if (![CODE.io, CODE.inProgress, CODE.already].includes(result.status)) break;
    }
    if (result !== undefined) throw refused("bootstrap", target(job), result);
  }

  #ask(args: readonly string[]): Promise<CommandResult> {
    return this.#run({ path: LAUNCHCTL, args });
  }
}

function target({ domain, label }: Job): string {
  return `${domain}/${label}`;
}

function hasNoDomain({ status, stderr }: CommandResult): boolean {
  return status === CODE.noSession || status === CODE.noDomain || stderr.includes("find domain");
}

function refused(verb: string, what: string, { status, stderr }: CommandResult): AwgError {
  const said = stderr.trim().split("\n").at(-1) ?? "";
  const kind = status === CODE.sip ? "unsupported" : status === CODE.notPermitted ? "permission" : "host";
  return new AwgError(kind, `launchctl ${verb} ${what} failed with ${status}${said === "" ? "" : `: ${said}`}`, {
    facts: { status },
    remedy:
      status === CODE.disabled
        ? "allow it in System Settings, Login Items & Extensions"
        : kind === "permission"
          ? permissionRemedy()
          : status < 0
            ? "it did not end in time: check that launchctl version answers"
            : `see launchctl error ${status}, and launchctl print ${what}`,
  });
}
