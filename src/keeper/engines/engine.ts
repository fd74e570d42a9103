import { rmSync } from "node:fs";
import { AwgError, messageOf } from "../../model/error.ts";
import type { EngineUser, EnsureEngine } from "../../model/keeper-protocol.ts";
import { errnoName, hasErrno } from "../../native/linux/errno.ts";
import { engineSocket } from "../../native/linux/process/engine-sockets.ts";
import { readProcessState } from "../../native/linux/process/process-state.ts";
import { exchangeOverUnixSocket } from "../../native/linux/process/unix-exchange.ffi.ts";
import { openRouteNetlink } from "../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { parseUapiDevice, parseUapiErrno, UAPI_GET } from "../../uapi/reply.ts";
import { copySecrets, type ExtractedSecrets, wipeSecrets, withSecrets } from "../extract-secrets.ts";
import { clockOfLogFolder, type MonotonicWallClock } from "../monotonic-wall-clock.ts";
import { endProcess, isAlive, type ProcessIdentity, readProcessIdentity } from "../process-identity.ts";
import { type EngineChild, type EngineLaunch, startEngineProgram } from "./engine-program.ts";
import { endEngines, findEngines, findEnginesWithoutDevice, type OrphanEngine } from "./orphan-engine.ts";

const ANSWER_TIMEOUT_MS = 5000;
const TRACED_TIMEOUT_MS = 3000;
/** Its answer, unlike that of a get, contains no keys. */
const NO_CHANGE = new TextEncoder().encode("set=1\n\n");
/** The embedded engine is a node process; on a busy host it takes seconds to start. */
const START_TIMEOUT_MS = 30_000;
const BACKOFF = { firstMs: 200, longestMs: 10_000, forgetAfterMs: 60_000 } as const;
const WATCH_MS = 500;
/** By the engine's errno (wireguard-go ipc/uapi_unix.go). */
const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "another program uses that UDP port: set another listenPort, or 0 for any, or stop that program (ss -lunp)",
};

/** The kind of engine. */
export interface EngineKind {
  readonly kind: EnsureEngine["engine"];
  readonly protocol: EnsureEngine["protocol"];
}

/** What an engine needs from the keeper. */
export interface EngineContext {
  readonly device: string;
  /** The device's descriptor in the mode the engine expects; called before each start, when no engine holds it. */
  readonly openTun: (kind: EngineKind) => number;
  readonly logPath: string;
  readonly folder: string;
  readonly report: (line: string) => void;
  /** Takes an engine that was started in advance. */
  readonly spare?: (launch: EngineLaunch) => EngineChild | undefined;
}

type EngineConfig = Pick<EnsureEngine, "engine" | "protocol" | "user" | "configuration" | "update">;

/**
 * One engine process: started, configured, and restarted with the same configuration when it dies. It is watched by pid
 * and start time, so that an adopted engine is treated like a child.
 */
export class Engine {
  readonly #around: EngineContext;
  readonly #clock: MonotonicWallClock;
  /** Whether another program started the running engine. */
  #isForeign: boolean;
  #what: EngineKind;
  #user: EngineUser | undefined;
  #running: ProcessIdentity | undefined;
  /** With placeholders for its secrets. */
  #configuration: string | undefined;
  #secrets: ExtractedSecrets = [];
  #restarts = 0;
  #startedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(around: EngineContext, what: EngineKind, orphan?: OrphanEngine) {
    this.#around = around;
    this.#clock = clockOfLogFolder(around.logPath);
    this.#what = what;
    this.#running = orphan;
    this.#user = orphan?.user;
    this.#isForeign = orphan !== undefined && orphan.user === undefined;
    if (orphan !== undefined) this.#watchAfter(WATCH_MS);
  }

  get state(): EngineKind & { readonly pid: number; readonly restarts: number } {
    return { pid: this.#running?.pid ?? 0, ...this.#what, restarts: this.#restarts };
  }

  /**
   * Starts it with this configuration; a running engine of the same protocol and user gets the update only. A silent
   * engine is ended and restarted, unless another program started it: then AwgError conflict.
   *
   * @param secrets the values of the placeholders in both; copied for restarts
   */
  async ensure(wanted: EngineConfig, secrets: ExtractedSecrets = []): Promise<void> {
    const alive = this.#running !== undefined && isAlive(this.#running);
    const sameUser = this.#user === undefined || this.#user.uid === wanted.user.uid;
    const keeps =
      alive &&
      wanted.protocol === this.#what.protocol &&
      wanted.engine === this.#what.kind &&
      sameUser &&
      this.#accepts(wanted.update, secrets);
    if (!keeps) {
      if (alive && this.#isForeign) throw this.#foreignSilence();
      await this.stop();
      this.#what = { kind: wanted.engine, protocol: wanted.protocol };
      this.#user = wanted.user;
      await this.#startAfresh(wanted.configuration, secrets);
    }
    this.#user = wanted.user;
    this.#keep(wanted.configuration, secrets);
    this.#restarts = keeps ? this.#restarts : 0;
    this.#watchAfter(WATCH_MS);
  }

  #foreignSilence(): AwgError {
    const { pid } = this.state;
    return new AwgError(
      "conflict",
      `the engine of ${this.#around.device} (process ${pid}), which another program started, does not answer`,
      {
        remedy: `resume it (kill -CONT ${pid}), or end it; awg then starts its own`,
      },
    );
  }

  /** Sends the update; false when the engine does not answer and must be restarted. */
  #accepts(update: string | undefined, secrets: ExtractedSecrets): boolean {
    const state = this.#running === undefined ? undefined : readProcessState(this.#running.pid);
    if (state === "T") return false;
    try {
      // A debugger may stop it for a moment only, as strace does at each call.
      if (state === "t") this.#exchange(NO_CHANGE, TRACED_TIMEOUT_MS);
      if (update !== undefined) this.#set(update, secrets);
      return true;
    } catch (error) {
      if (hasErrno(error, "ETIMEDOUT", "EAGAIN", "ECONNRESET", "EPIPE", "ECONNREFUSED", "ENOENT")) return false;
      throw error;
    }
  }

  /** Ends the program and removes its socket; the device stays. */
  async stop(): Promise<void> {
    this.release();
    this.#keep(undefined, []);
    if (this.#running === undefined) return;
    await endProcess(this.#running);
    this.#running = undefined;
    rmSync(this.#socket, { force: true });
  }

  /** Stops watching it; it keeps running. */
  release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #keep(configuration: string | undefined, secrets: ExtractedSecrets): void {
    const before = this.#secrets;
    this.#configuration = configuration;
    this.#secrets = copySecrets(secrets);
    wipeSecrets(before);
  }

  get #socket(): string {
    return engineSocket(this.#around.folder, this.#what.protocol, this.#around.device);
  }

  async #startAfresh(configuration: string, secrets: ExtractedSecrets): Promise<void> {
    try {
      this.#start(configuration, secrets);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const blocking = [this.#forgotten(error) ?? [], findEnginesWithoutDevice()].flat();
      if (blocking.length === 0) throw error;
      await endEngines(blocking, this.#socket);
      this.#start(configuration, secrets);
    }
  }

  /** After a failed read of /proc a keeper may have forgotten its engine, which then blocks the next. */
  #forgotten(error: unknown): OrphanEngine | undefined {
    return isConflict(error) ? findEngines().find(({ device }) => device === this.#around.device) : undefined;
  }

  /** An engine sets its own MTU on its device (wireguard-go CreateTUNFromFile), so ours is restored. */
  #start(configuration: string, secrets: ExtractedSecrets): void {
    const { device, openTun, logPath, folder } = this.#around;
    const tunFd = openTun(this.#what);
    using netlink = openRouteNetlink();
    const mtu = netlink.link(device)?.mtu;
    const user = this.#user ?? { uid: 0, gid: 0 };
    const launch = { device, ...this.#what, user, tunFd, logPath, folder };
    const child = this.#around.spare?.(launch) ?? startEngineProgram(launch);
    child.on("exit", () => this.#look());
    child.unref();
    this.#startedAtMs = performance.now();
    this.#isForeign = false;
    try {
      this.#running = readProcessIdentity(child.pid);
      parseUapiDevice(this.#exchange(new TextEncoder().encode(UAPI_GET), START_TIMEOUT_MS));
      const link = netlink.link(device);
      if (link !== undefined && mtu !== undefined && link.mtu !== mtu) netlink.changeLink(link.index, { mtu });
      this.#set(this.#what.kind === "embedded" ? this.#clock.withNotBefore(configuration) : configuration, secrets);
    } catch (error) {
      child.kill("SIGKILL");
      this.#running = undefined;
      throw error;
    }
  }

  #set(text: string, secrets: ExtractedSecrets): void {
    const request = withSecrets(text, secrets);
    let errno: number;
    try {
      errno = parseUapiErrno(this.#exchange(request));
    } finally {
      request.fill(0);
    }
    if (errno === 0) return;
    const name = errnoName(errno);
    throw new AwgError("host", `the engine of ${this.#around.device} refused its configuration (${name})`, {
      facts: { errno: name },
      remedy: REMEDIES[name] ?? "check that its version supports every parameter of the tunnel",
    });
  }

  #exchange(request: Uint8Array, timeoutMs = ANSWER_TIMEOUT_MS): string {
    const answer = exchangeOverUnixSocket({
      path: this.#socket,
      request,
      terminator: Uint8Array.of(10, 10),
      maxAnswerBytes: 64 * 1024 * 1024,
      timeoutMs,
    });
    return new TextDecoder().decode(answer);
  }

  #watchAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    if (this.#timer === undefined) return;
    this.#clock.look();
    const configuration = this.#configuration;
    if (this.#running !== undefined && isAlive(this.#running)) this.#watchAfter(WATCH_MS);
    else if (configuration === undefined) this.#noteLoss();
    else if (this.#running !== undefined) this.#noteDeath();
    else this.#restart(configuration);
  }

  /** An adopted engine cannot be restarted without its configuration, which the next apply sends. */
  #noteLoss(): void {
    if (this.#running === undefined) return;
    this.#running = undefined;
    const { device, report } = this.#around;
    report(
      `the engine of ${device}, which an earlier keeper or another program started, ended; the daemon or the next apply starts it again`,
    );
    try {
      tellOfDevice(device);
    } catch (error) {
      report(`reporting that ${device} has no engine failed: ${messageOf(error)}`);
    }
  }

  #noteDeath(): void {
    this.#running = undefined;
    if (performance.now() - this.#startedAtMs > BACKOFF.forgetAfterMs) this.#restarts = 0;
    const delayMs = Math.min(BACKOFF.longestMs, BACKOFF.firstMs * 2 ** this.#restarts);
    this.#restarts += 1;
    this.#around.report(`the engine of ${this.#around.device} ended; starting it again in ${delayMs} ms`);
    this.#watchAfter(delayMs);
  }

  #restart(configuration: string): void {
    try {
      this.#start(configuration, this.#secrets);
      this.#watchAfter(WATCH_MS);
    } catch (error) {
      this.#running = this.#forgotten(error);
      if (this.#running !== undefined) {
        this.#watchAfter(WATCH_MS);
        return;
      }
      this.#around.report(`starting the engine of ${this.#around.device} again failed: ${messageOf(error)}`);
      this.#noteDeath();
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof AwgError && error.kind === "conflict";
}

/**
 * Makes the kernel send an event about a device to all listeners, such as the daemon: setting an unchanged alias does.
 */
function tellOfDevice(device: string): void {
  using netlink = openRouteNetlink();
  const { index, alias } = netlink.link(device) ?? {};
  if (index !== undefined && alias !== undefined) netlink.changeLink(index, { alias });
}
