import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { uptime } from "node:os";
import { messageOf } from "../model/error.ts";
import { isWatch, type Watch } from "../model/keeper-protocol.ts";
import { StateFolder } from "../state/state-folder.ts";

const LOOK_MS = 100;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const FILE = "watchdog";

/** In which network namespace a watchdog stands: the run folder tells it by its number, which is given again. */
export interface WatchedNamespace {
  /** What no other namespace has or had: boot and cookie. */
  readonly id: string;
  /** The machine's own, whose number no other gets. */
  readonly isMachines: boolean;
}

/** An older keeper writes no namespace; neither does one on a Mac, which has none. */
interface KeptWatch extends Watch {
  readonly namespace?: unknown;
}

/**
 * Runs a command at a deadline unless it is called off: the way back of an apply that nobody confirms. What is armed
 * stands in a file too, so that the next keeper goes on. A command that fails is tried again until it ends well.
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

  /** Goes on with what an earlier keeper was armed with; what was armed in another network namespace is dropped. */
  resume(): void {
    const bytes = this.#folder.read(FILE);
    if (bytes === undefined) return;
    const watch: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isWatch(watch)) this.#report(`${this.#folder.pathOf(FILE)} is not what the keeper writes; nothing is watched`);
    else if (this.#isOfHere(watch)) this.#begin(watch);
    else {
      this.#report(`${this.#folder.pathOf(FILE)} is of a network namespace that is gone: dropped`);
      this.#disarmQuietly();
    }
  }

  /** Replaces what was armed before. Durable on return. */
  arm(watch: Watch): void {
    this.#write(watch);
    this.#begin(watch);
  }

  /** Writes down anew what is armed, where the file is gone. */
  keep(): void {
    if (this.#watch !== undefined && !existsSync(this.#folder.pathOf(FILE))) this.#write(this.#watch);
  }

  disarm(): void {
    this[Symbol.dispose]();
    this.#folder.remove(FILE);
  }

  /** When the command runs, in milliseconds since boot; undefined when nothing is armed. */
  get deadlineMs(): number | undefined {
    return this.#watch?.deadlineMs;
  }

  get isAtRest(): boolean {
    return this.#watch === undefined && !this.#runs;
  }

  /** Lets go; what is armed stays for the next keeper. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watch = undefined;
  }

  #write(watch: Watch): void {
    const kept: KeptWatch = { ...watch, namespace: this.#namespace?.id };
    this.#folder.replace(FILE, Buffer.from(JSON.stringify(kept)));
  }

  #isOfHere({ namespace }: KeptWatch): boolean {
    if (this.#namespace === undefined) return true;
    return namespace === undefined ? this.#namespace.isMachines : namespace === this.#namespace.id;
  }

  #begin(watch: Watch): void {
    this.#watch = watch;
    this.#notBeforeMs = watch.deadlineMs;
    this.#retryMs = FIRST_RETRY_MS;
    // A timer alone would stand still while the machine sleeps: CLOCK_MONOTONIC does, the deadline does not.
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    const watch = this.#watch;
    if (watch === undefined || this.#runs || bootTimeMs() < this.#notBeforeMs) return;
    this.#runs = true;
    this.#report("nobody confirmed in time: reverting");
    run(watch.command).then((failure) => {
      this.#runs = false;
      this.#onEnd(watch, failure);
    });
  }

  #onEnd(watch: Watch, failure: string | undefined): void {
    this.#report(failure === undefined ? "the revert ended" : `the revert failed (${failure}); it is tried again`);
    // Armed anew meanwhile: that one counts.
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

/** How the command failed; undefined when it did not. It outlives this process. */
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
