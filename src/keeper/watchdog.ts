import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { uptime } from "node:os";
import { messageOf } from "../model/error.ts";
import { isWatch, type Watch } from "../model/keeper/watch.ts";
import { readNamespaceCookie } from "../native/linux/process/namespace.ffi.ts";
import { readStateIdentity } from "../state/identity.ts";
import { StateFolder } from "../state/state-folder.ts";
import { refuseLinkedFolder } from "./own-folder.ts";
import { namespaceInodeOf } from "./process-identity.ts";

const LOOK_MS = 100;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const FILE = "watchdog";

/** The watchdog's network namespace; the run folder has only its inode, which is reused. */
export interface WatchedNamespace {
  /** Unique over time: boot and cookie. */
  readonly id: string;
  /** Whether it is the host's own namespace; its inode is never reused. */
  readonly isInitial: boolean;
}

/** The stored form. Older keepers write no namespace; neither does one on a Mac, which has none. */
interface StoredWatch extends Watch {
  readonly namespace?: unknown;
}

/**
 * Runs a command at a deadline unless it is cancelled: the rollback of an apply without confirmation, or the
 * end of what was asked for a time. It is also stored
 * in a file, so that the next keeper resumes it. A failing command is repeated until it succeeds.
 */
export class Watchdog implements Disposable {
  readonly #folder: StateFolder;
  readonly #report: (line: string) => void;
  readonly #namespace: WatchedNamespace | undefined;
  #watch: Watch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #runs = false;
  #notBeforeMs = 0;
  #retryMs = FIRST_RETRY_MS;

  constructor(deps: {
    readonly folder: string;
    readonly report: (line: string) => void;
    readonly namespace?: WatchedNamespace;
  }) {
    this.#folder = new StateFolder(deps.folder);
    this.#report = deps.report;
    this.#namespace = deps.namespace;
  }

  /** Resumes an earlier keeper's watchdog; one of another network namespace is dropped. */
  resume(): void {
    const bytes = this.#folder.read(FILE);
    if (bytes === undefined) return;
    const watch: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isWatch(watch))
      this.#report(`${this.#folder.pathOf(FILE)} was not written by the keeper; no watchdog is armed`);
    else if (this.#isOfThisNamespace(watch)) this.#begin(watch);
    else {
      this.#report(`${this.#folder.pathOf(FILE)} belongs to a removed network namespace: dropped`);
      this.#disarmQuietly();
    }
  }

  /** Arms it, in place of the previous one. Durable on return. */
  arm(watch: Watch): void {
    this.#write(watch);
    this.#begin(watch);
  }

  /** Writes the file again if it was removed. */
  keep(): void {
    if (this.#watch !== undefined && !existsSync(this.#folder.pathOf(FILE))) this.#write(this.#watch);
  }

  /** Stops it and removes its file: nothing is reverted. */
  disarm(): void {
    this[Symbol.dispose]();
    this.#folder.remove(FILE);
  }

  /** The deadline in milliseconds since boot; undefined when not armed. */
  get deadlineMs(): number | undefined {
    return this.#watch?.deadlineMs;
  }

  /** Whether it is not armed and no revert is under way. */
  get isAtRest(): boolean {
    return this.#watch === undefined && !this.#runs;
  }

  /** Stops the timer; the file stays for the next keeper. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watch = undefined;
  }

  #write(watch: Watch): void {
    refuseLinkedFolder(this.#folder.path);
    const stored: StoredWatch = { ...watch, namespace: this.#namespace?.id };
    this.#folder.replace(FILE, Buffer.from(JSON.stringify(stored)));
  }

  #isOfThisNamespace({ namespace }: StoredWatch): boolean {
    if (this.#namespace === undefined) return true;
    return namespace === undefined ? this.#namespace.isInitial : namespace === this.#namespace.id;
  }

  #begin(watch: Watch): void {
    this.#watch = watch;
    this.#notBeforeMs = watch.deadlineMs;
    this.#retryMs = FIRST_RETRY_MS;
    // A timer alone stops while the host sleeps: it uses CLOCK_MONOTONIC, unlike the deadline.
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    const watch = this.#watch;
    if (watch === undefined || this.#runs || bootTimeMs() < this.#notBeforeMs) return;
    this.#runs = true;
    this.#report("the time is over: reverting");
    run(watch.command).then((failure) => {
      this.#runs = false;
      this.#onEnd(watch, failure);
    });
  }

  #onEnd(watch: Watch, failure: string | undefined): void {
    this.#report(failure === undefined ? "the revert ended" : `the revert failed (${failure}); trying again`);
    // If it was armed again meanwhile, that watch counts.
    if (this.#watch !== watch) return;
    if (failure === undefined) {
      this.#disarmQuietly();
      return;
    }
    this.#notBeforeMs = bootTimeMs() + this.#retryMs;
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
  }

  #disarmQuietly(): void {
    try {
      this.disarm();
    } catch (error) {
      this.#report(`the watchdog's file could not be removed: ${messageOf(error)}`);
    }
  }
}

/** Runs the command, which outlives this process; returns how it failed, or undefined. */
function run([program = "", ...words]: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      cwd: "/",
      detached: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => resolve(code === 0 ? undefined : `${signal ?? `exit ${code}`}`));
  });
}

/** /proc/uptime counts CLOCK_BOOTTIME (fs/proc/uptime.c), to 10 ms; where there is none, uptime is the time since kern.boottime. */
function bootTimeMs(): number {
  return existsSync("/proc/uptime")
    ? Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1000
    : uptime() * 1000;
}

/** The network namespace of this process. */
export function namespaceHere(): WatchedNamespace {
  const own = namespaceInodeOf("self");
  return {
    id: `${readStateIdentity().bootId}-${readNamespaceCookie() ?? ""}`,
    isInitial: own !== undefined && own === namespaceInodeOf(1),
  };
}
