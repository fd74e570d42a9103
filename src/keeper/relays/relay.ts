import { spawn } from "node:child_process";
import { closeSync, readdirSync, rmSync } from "node:fs";
import type { Writable } from "node:stream";
import { messageOf } from "../../model/error.ts";
import { relaySocketPath } from "../../model/keeper/keeper-relays.ts";
import { RELAY_NODE_OPTIONS } from "../../model/relay/relay-settings.ts";
import { isUnixSocketLive, unixListener } from "../../native/linux/process/unix-exchange.ffi.ts";
import { openEngineLog } from "../engines/engine-logs.ts";
import { copySecrets, type ExtractedSecrets, wipeSecrets, withSecrets } from "../extract-secrets.ts";
import { endProcess, isAlive, type ProcessIdentity, readProcessIdentity } from "../process-identity.ts";

const BACKOFF = { firstMs: 200, longestMs: 10_000, forgetAfterMs: 60_000 } as const;
const WATCH_MS = 500;
/** A node process takes seconds to start on a busy host. */
const START_TIMEOUT_MS = 30_000;
const LOOK_MS = 20;
const SOCKET_NAME = /^relay-([0-9]+)$/;

export interface RelayContext {
  readonly folder: string;
  /** The number of its path. */
  readonly number: number;
  readonly report: (line: string) => void;
}

/** One relay process: started with its settings, watched, and started again with the same when it dies. */
export class Relay {
  readonly #around: RelayContext;
  #running: ProcessIdentity | undefined;
  /** With placeholders for its secrets; undefined for a relay of an earlier keeper. */
  #settings: string | undefined;
  #secrets: ExtractedSecrets = [];
  #restarts = 0;
  #startedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(around: RelayContext, orphan?: ProcessIdentity) {
    this.#around = around;
    this.#running = orphan;
    if (orphan !== undefined) this.#watchAfter(WATCH_MS);
  }

  get state(): { readonly number: number; readonly pid: number; readonly restarts: number } {
    return { number: this.#around.number, pid: this.#running?.pid ?? 0, restarts: this.#restarts };
  }

  /** Starts it with these settings, in place of one that runs. Returns when it answers. */
  async ensure(settings: string, secrets: ExtractedSecrets): Promise<void> {
    await this.stop();
    this.#settings = settings;
    this.#secrets = copySecrets(secrets);
    this.#restarts = 0;
    this.#start(settings);
    this.#watchAfter(WATCH_MS);
    await this.#untilAnswering();
  }

  /** Ends it; what it carries is cut. */
  async stop(): Promise<void> {
    this.release();
    this.#settings = undefined;
    wipeSecrets(this.#secrets);
    this.#secrets = [];
    if (this.#running !== undefined) await endProcess(this.#running);
    this.#running = undefined;
    rmSync(this.#socket, { force: true });
  }

  /** Stops watching it; it keeps running. */
  release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get #socket(): string {
    return relaySocketPath(this.#around.folder, this.#around.number);
  }

  #start(settings: string): void {
    const { folder, number } = this.#around;
    const log = openEngineLog(`${folder}/engine-relay-${number}.log`);
    const words = [...process.execArgv, ...RELAY_NODE_OPTIONS, process.argv[1] ?? "awg", "relay", `${number}`];
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
    const text = withSecrets(settings, this.#secrets);
    try {
      const stdio = ["ignore" as const, log, log, "pipe" as const];
      const child = spawn(process.execPath, words, { cwd: "/", env, stdio, detached: true });
      child.on("error", () => {});
      child.on("exit", () => this.#look());
      child.unref();
      const pipe = child.stdio[3] as Writable;
      pipe.on("error", () => {});
      pipe.end(text, () => text.fill(0));
      this.#running = child.pid === undefined ? undefined : readProcessIdentity(child.pid);
      this.#startedAtMs = performance.now();
    } finally {
      closeSync(log);
    }
  }

  async #untilAnswering(): Promise<void> {
    for (const endMs = performance.now() + START_TIMEOUT_MS; performance.now() < endMs; ) {
      if (isUnixSocketLive(this.#socket)) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #watchAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    if (this.#timer === undefined) return;
    if (this.#running !== undefined && isAlive(this.#running)) this.#watchAfter(WATCH_MS);
    else if (this.#running !== undefined) this.#noteDeath();
    else if (this.#settings !== undefined) this.#restart(this.#settings);
  }

  /** A relay of an earlier keeper cannot be started again: the next apply or the daemon sends its settings. */
  #noteDeath(): void {
    this.#running = undefined;
    const { number, report } = this.#around;
    if (this.#settings === undefined) {
      report(`relay ${number}, which an earlier keeper started, ended; the daemon or the next apply starts it again`);
      return;
    }
    if (performance.now() - this.#startedAtMs > BACKOFF.forgetAfterMs) this.#restarts = 0;
    const delayMs = Math.min(BACKOFF.longestMs, BACKOFF.firstMs * 2 ** this.#restarts);
    this.#restarts += 1;
    report(`relay ${number} ended; starting it again in ${delayMs} ms`);
    this.#watchAfter(delayMs);
  }

  #restart(settings: string): void {
    try {
      this.#start(settings);
      this.#watchAfter(WATCH_MS);
    } catch (error) {
      this.#around.report(`starting relay ${this.#around.number} again failed: ${messageOf(error)}`);
      this.#noteDeath();
    }
  }
}

/** Relays that an earlier keeper of this folder started, by the process behind each socket. */
export function findRelays(folder: string): readonly { readonly number: number; readonly identity: ProcessIdentity }[] {
  return readdirSync(folder).flatMap((name) => {
    const number = SOCKET_NAME.exec(name)?.[1];
    if (number === undefined || !isUnixSocketLive(`${folder}/${name}`)) return [];
    const pid = unixListener(`${folder}/${name}`)?.pid;
    const identity = pid === undefined ? undefined : readProcessIdentity(pid);
    return identity === undefined ? [] : [{ number: Number(number), identity }];
  });
}
