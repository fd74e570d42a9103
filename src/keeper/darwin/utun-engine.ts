import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AwgError, messageOf } from "../../model/error.ts";
import type { EnsureEngine, KeeperDevice } from "../../model/keeper-protocol.ts";
import { parseUapiErrno, UAPI_GET } from "../../uapi/reply.ts";
import { copySecrets, type ExtractedSecrets, wipeSecrets, withSecrets } from "../extract-secrets.ts";
import { clockOfLogFolder, type MonotonicWallClock } from "../monotonic-wall-clock.ts";
import { engineSocketPath, type LaunchEngine } from "./engine-launch.ts";
import { recordEngine } from "./engine-record.ts";
import { exchangeUapi } from "./uapi-exchange.ts";

const START_TIMEOUT_MS = 30_000;
const LOOK_MS = 20;
const GRACE_MS = 2000;
const BACKOFF = { firstMs: 200, longestMs: 10_000 } as const;

/** What an engine on a Mac needs from its keeper. */
export interface UtunEngineDeps {
  readonly kind: EnsureEngine["engine"];
  /** The interface's name. */
  readonly name: string;
  readonly tunFd: number;
  readonly logPath: string;
  /** The file that records its socket for a later keeper. */
  readonly recordPath: string;
  /** Folder used instead of /. */
  readonly root: string;
  readonly launch: LaunchEngine;
  /** Restores the interface's MTU, which an engine changes as it starts. */
  readonly keepMtu: <T>(while_: () => Promise<T>) => Promise<T>;
  readonly report: (line: string) => void;
}

/** An engine on a utun of ours: started, configured, and started again with the same configuration when it dies. */
export class UtunEngine {
  readonly kind: EnsureEngine["engine"];
  readonly protocol: EnsureEngine["protocol"];
  readonly #deps: UtunEngineDeps;
  /** Updated whenever an engine starts or is configured. */
  readonly #clock: MonotonicWallClock;
  #child: ChildProcess | undefined;
  /** With placeholders for its secrets. */
  #configuration: string | undefined;
  #secrets: ExtractedSecrets = [];
  #restarts = 0;
  #timer: NodeJS.Timeout | undefined;
  #wanted = true;

  constructor(deps: UtunEngineDeps, protocol: EnsureEngine["protocol"]) {
    this.#deps = deps;
    this.#clock = clockOfLogFolder(deps.logPath);
    this.kind = deps.kind;
    this.protocol = protocol;
  }

  get state(): NonNullable<KeeperDevice["engine"]> {
    const pid = this.#child?.pid ?? 0;
    return { pid, kind: this.kind, protocol: this.protocol, restarts: this.#restarts };
  }

  /**
   * Starts it with this configuration; a running engine gets the update only. Throws what the engine refuses.
   *
   * @param secrets the values of the placeholders in both; copied for restarts
   */
  async ensure({ configuration, update }: EnsureEngine, secrets: ExtractedSecrets = []): Promise<void> {
    this.#keep(configuration, secrets);
    this.#clock.look();
    if (this.#child === undefined) return this.#start(configuration, this.#secrets);
    if (update !== undefined) await this.#set(update, secrets);
  }

  /** Ends it by removing its socket, on which wireguard-go exits, and by signals. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#keep(undefined, []);
    clearTimeout(this.#timer);
    const child = this.#child;
    this.#child = undefined;
    for (const path of [this.#socket, this.#deps.recordPath]) rmSync(path, { force: true });
    if (child === undefined) return;
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (hasEnded(child)) return;
      child.kill(signal);
      for (let waited = 0; waited < GRACE_MS && !hasEnded(child); waited += LOOK_MS) await sleep(LOOK_MS);
    }
  }

  #keep(configuration: string | undefined, secrets: ExtractedSecrets): void {
    const before = this.#secrets;
    this.#configuration = configuration;
    this.#secrets = copySecrets(secrets);
    wipeSecrets(before);
  }

  get #socket(): string {
    return engineSocketPath(this.#deps.root, this.protocol, this.#deps.name);
  }

  async #start(configuration: string, secrets: ExtractedSecrets): Promise<void> {
    rmSync(this.#socket, { force: true });
    try {
      await this.#deps.keepMtu(() => this.#launch());
      recordEngine(this.#deps.recordPath, this.#socket);
      await this.#set(this.kind === "embedded" ? this.#clock.withNotBefore(configuration) : configuration, secrets);
    } catch (error) {
      const child = this.#child;
      this.#child = undefined;
      child?.kill("SIGKILL");
      throw error;
    }
  }

  async #launch(): Promise<void> {
    const { launch, name, tunFd, logPath } = this.#deps;
    const child = launch({ kind: this.kind, protocol: this.protocol, name, socket: this.#socket, tunFd, logPath });
    this.#child = child;
    child.once("exit", () => this.#noteEnd(child));
    await this.#answers(child);
  }

  async #answers(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while ((await exchangeUapi(this.#socket, UAPI_GET)) === undefined) {
      if (hasEnded(child) || performance.now() > deadline) {
        throw new AwgError("host", `the engine of ${this.#deps.name} did not start`, {
          remedy: `see ${this.#deps.logPath}`,
        });
      }
      await sleep(LOOK_MS);
    }
  }

  async #set(text: string, secrets: ExtractedSecrets): Promise<void> {
    const request = withSecrets(text, secrets);
    const answer = await exchangeUapi(this.#socket, request).finally(() => request.fill(0));
    const errno = answer === undefined ? -1 : parseUapiErrno(answer);
    if (errno === 0) return;
    throw new AwgError("host", `the engine of ${this.#deps.name} refused its configuration (errno ${errno})`, {
      remedy: "check that its version supports every parameter of the tunnel",
    });
  }

  #noteEnd(child: ChildProcess): void {
    if (this.#child !== child || !this.#wanted) return;
    this.#child = undefined;
    this.#startAgain();
  }

  #startAgain(): void {
    const delayMs = Math.min(BACKOFF.longestMs, BACKOFF.firstMs * 2 ** this.#restarts);
    this.#restarts += 1;
    this.#deps.report(`the engine of ${this.#deps.name} ended; starting it again in ${delayMs} ms`);
    this.#timer = setTimeout(() => {
      const configuration = this.#configuration;
      if (!this.#wanted || this.#child !== undefined || configuration === undefined) return;
      this.#start(configuration, this.#secrets).catch((error: unknown) => {
        this.#deps.report(`starting the engine of ${this.#deps.name} again failed: ${messageOf(error)}`);
        if (this.#wanted) this.#startAgain();
      });
    }, delayMs);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
