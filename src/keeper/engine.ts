import { rmSync } from "node:fs";
import { AwgError, messageOf } from "../model/error.ts";
import type { EngineUser, EnsureEngine } from "../model/keeper-protocol.ts";
import { errnoName, hasErrno } from "../native/linux/errno.ts";
import { readProcessState } from "../native/linux/process/process-state.ts";
import { exchangeOverUnixSocket } from "../native/linux/process/unix-exchange.ffi.ts";
import { openRouteNetlink } from "../native/linux/rtnetlink/route-netlink.ffi.ts";
import { parseUapiDevice, parseUapiErrno, UAPI_GET } from "../uapi/reply.ts";
import { type EngineChild, type EngineLaunch, startEngineProgram, uapiSocketPath } from "./engine-program.ts";
import { copySecrets, type ExtractedSecrets, wipeSecrets, withSecrets } from "./extract-secrets.ts";
import { clockOfLogFolder, type MonotonicWallClock } from "./monotonic-wall-clock.ts";
import { findEngines, type OrphanEngine } from "./orphan-engine.ts";
import { endProcess, isAlive, type ProcessIdentity, readProcessIdentity } from "./process-identity.ts";

const ANSWER_TIMEOUT_MS = 5000;
const TRACED_TIMEOUT_MS = 3000;
/** Its answer, other than that to a get, holds no keys. */
const NO_CHANGE = new TextEncoder().encode("set=1\n\n");
/** The embedded engine is a node process; on a machine that is busy its start takes seconds. */
const START_TIMEOUT_MS = 30_000;
const BACKOFF = { firstMs: 200, longestMs: 10_000, forgetAfterMs: 60_000 } as const;
const WATCH_MS = 500;
/** By what the engine answers (wireguard-go ipc/uapi_unix.go). */
const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "another program has that UDP port: name another listenPort, or 0 for any, or stop that program (ss -lunp)",
};

/** Which engine it is. */
export interface EngineKind {
  readonly kind: EnsureEngine["engine"];
  readonly protocol: EnsureEngine["protocol"];
}

/** What an engine needs of the keeper. */
export interface EngineContext {
  readonly device: string;
  /** The device's descriptor in the form the engine expects; called before each start, when no engine holds it. */
  readonly openTun: (kind: EngineKind) => number;
  readonly logPath: string;
  readonly report: (line: string) => void;
  /** One that was started ahead. */
  readonly spare?: (launch: EngineLaunch) => EngineChild | undefined;
}

type Wish = Pick<EnsureEngine, "engine" | "protocol" | "user" | "configuration" | "update">;

/**
 * One external engine: started, configured, and started again with the same configuration when it dies. It is watched
 * by pid and start time, so that one taken over from an earlier keeper is treated as a child of our own.
 */
export class Engine {
  readonly #around: EngineContext;
  readonly #clock: MonotonicWallClock;
  /** Another program started the one that runs. */
  #isForeign: boolean;
  #what: EngineKind;
  #user: EngineUser | undefined;
  #running: ProcessIdentity | undefined;
  /** With marks for its secrets. */
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
   * Makes it run with this configuration; an engine of the same protocol and user that runs gets the update only. One that does
   * not answer is ended and started anew, unless another program started it: then AwgError conflict.
   *
   * @param secrets what marks in both stand for; copied for restarts
   */
  async ensure(wish: Wish, secrets: ExtractedSecrets = []): Promise<void> {
    const alive = this.#running !== undefined && isAlive(this.#running);
    const sameUser = this.#user === undefined || this.#user.uid === wish.user.uid;
    const keeps =
      alive &&
      wish.protocol === this.#what.protocol &&
      wish.engine === this.#what.kind &&
      sameUser &&
      this.#takes(wish.update, secrets);
    if (!keeps) {
      if (alive && this.#isForeign) throw this.#foreignSilence();
      await this.stop();
      this.#what = { kind: wish.engine, protocol: wish.protocol };
      this.#user = wish.user;
      await this.#startAfresh(wish.configuration, secrets);
    }
    this.#user = wish.user;
    this.#keep(wish.configuration, secrets);
    this.#restarts = keeps ? this.#restarts : 0;
    this.#watchAfter(WATCH_MS);
  }

  #foreignSilence(): AwgError {
    const { pid } = this.state;
    return new AwgError(
      "conflict",
      `the engine of ${this.#around.device} (process ${pid}), which another program started, does not answer`,
      {
        remedy: `let it go on (kill -CONT ${pid}), or end it: awg starts one of its own then`,
      },
    );
  }

  /** Sets what is to be updated; false when the engine does not answer any more and must be started anew. */
  #takes(update: string | undefined, secrets: ExtractedSecrets): boolean {
    const state = this.#running === undefined ? undefined : readProcessState(this.#running.pid);
    if (state === "T") return false;
    try {
      // A debugger may hold it for a moment only, as strace does at each call.
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

  /** Watches it no longer; it runs on. */
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
    return uapiSocketPath(this.#what.protocol, this.#around.device);
  }

  async #startAfresh(configuration: string, secrets: ExtractedSecrets): Promise<void> {
    try {
      this.#start(configuration, secrets);
    } catch (error) {
      const forgotten = this.#forgotten(error);
      if (forgotten === undefined) throw error;
      await endProcess(forgotten);
      this.#start(configuration, secrets);
    }
  }

  /** A look at /proc that failed can make a keeper forget its engine, which then is in the way of the next. */
  #forgotten(error: unknown): OrphanEngine | undefined {
    const isInTheWay = error instanceof AwgError && error.kind === "conflict";
    return isInTheWay ? findEngines().find(({ device }) => device === this.#around.device) : undefined;
  }

  /** An engine sets its own mtu on a device it is handed (wireguard-go CreateTUNFromFile), so ours is put back. */
  #start(configuration: string, secrets: ExtractedSecrets): void {
    const { device, openTun, logPath } = this.#around;
    const tunFd = openTun(this.#what);
    using netlink = openRouteNetlink();
    const mtu = netlink.link(device)?.mtu;
    const user = this.#user ?? { uid: 0, gid: 0 };
    const launch = { device, ...this.#what, user, tunFd, logPath };
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
      remedy: REMEDIES[name] ?? "check that its version knows every parameter of the tunnel",
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

  /** One taken over from an earlier keeper cannot be started again without its configuration, which whoever applies next brings. */
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
      report(`telling that ${device} has no engine failed: ${messageOf(error)}`);
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

/** Has the kernel tell all who listen, as the daemon does, of a device that is up: it does so also when an alias is set that stands. */
function tellOfDevice(device: string): void {
  using netlink = openRouteNetlink();
  const { index, alias } = netlink.link(device) ?? {};
  if (index !== undefined && alias !== undefined) netlink.changeLink(index, { alias });
}
