import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NameOrder, NameReport } from "../../model/dns/name-protocol.ts";
import { isNameService, type NameService } from "../../model/dns/name-service.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import type { EngineUser } from "../../model/keeper-protocol.ts";
import { openEngineLog } from "../engines/engine-logs.ts";
import type { NftOwner } from "../nft-owner.ts";
import { LEAST_SECONDS } from "./name-sets.ts";
import { keepOpenFlows } from "./open-flows.ts";

const BACKOFF = { firstMs: 200, longestMs: 10_000, forgetAfterMs: 60_000 } as const;
const READY_TIMEOUT_MS = 30_000;
const LONGEST_LOOK_MS = 15_000;
const MOST_ADDRESSES = 64;

/** The user of the resolver: not that of engines, because their sockets may reach bootstrap servers directly (rule S3.3). */
const RESOLVER_USER: EngineUser = { uid: 65_534, gid: 65_534 };

/** What the resolver's watcher needs from the keeper. */
export interface NameServiceContext {
  readonly folder: string;
  readonly report: (line: string) => void;
  readonly nft: NftOwner;
}

/**
 * The resolver's process: started, configured, and started again when it dies. It ends with the keeper; the next keeper
 * starts it from the configuration in the keeper's folder. Without it names do not resolve, and nothing leaves otherwise.
 */
export class NameServiceProcess implements Disposable {
  readonly #around: NameServiceContext;
  #service: NameService | undefined;
  #child: ChildProcess | undefined;
  #restarts = 0;
  #startedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #flows: NodeJS.Timeout | undefined;

  constructor(around: NameServiceContext) {
    this.#around = around;
  }

  get isAtRest(): boolean {
    return this.#service === undefined;
  }

  get state(): { readonly pid: number; readonly service: NameService; readonly restarts: number } | undefined {
    const service = this.#service;
    return service === undefined ? undefined : { pid: this.#child?.pid ?? 0, service, restarts: this.#restarts };
  }

  /** Begins to start what an earlier keeper ran. */
  adopt(): void {
    let kept: unknown;
    try {
      kept = JSON.parse(readFileSync(this.#record, "utf8"));
    } catch {
      return;
    }
    if (isNameService(kept)) this.#run(kept);
  }

  /** Runs the resolver with this configuration; one that runs with it already is left alone. */
  async ensure(service: NameService): Promise<void> {
    const isSame = JSON.stringify(service) === JSON.stringify(this.#service) && this.#child !== undefined;
    if (isSame) return;
    this.#end();
    await this.#start(service);
    this.#restarts = 0;
    this.#watch(service);
    const draft = `${this.#record}.new`;
    writeFileSync(draft, JSON.stringify(service), { mode: 0o600 });
    renameSync(draft, this.#record);
  }

  /** Starts it until it serves; each failure is reported. */
  #run(service: NameService): void {
    this.#watch(service);
    this.#start(service).catch((error: unknown) => {
      this.#around.report(messageOf(error));
      this.#again(service);
    });
  }

  #watch(service: NameService): void {
    this.#service = service;
    clearInterval(this.#flows);
    this.#flows = setInterval(() => void this.#lookAtFlows(service), lookIntervalMs(service)).unref();
  }

  #again(service: NameService): void {
    if (performance.now() - this.#startedAtMs > BACKOFF.forgetAfterMs) this.#restarts = 0;
    const delayMs = Math.min(BACKOFF.longestMs, BACKOFF.firstMs * 2 ** this.#restarts);
    this.#restarts += 1;
    this.#around.report(`the resolver does not run; starting it again in ${delayMs} ms`);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(service), delayMs);
  }

  stop(): void {
    this.#service = undefined;
    clearInterval(this.#flows);
    this.#flows = undefined;
    this.#end();
    this.#around.nft.forgetNames();
    rmSync(this.#record, { force: true });
  }

  /** Ends the process and keeps the configuration for the next keeper. */
  [Symbol.dispose](): void {
    clearInterval(this.#flows);
    this.#end();
  }

  get #record(): string {
    return join(this.#around.folder, "names.json");
  }

  #end(): void {
    clearTimeout(this.#timer);
    const child = this.#child;
    this.#child = undefined;
    child?.removeAllListeners();
    child?.kill("SIGKILL");
  }

  async #start(service: NameService): Promise<void> {
    const child = spawnResolver(join(this.#around.folder, "names.log"));
    this.#child = child;
    this.#startedAtMs = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string): void =>
      reject(
        new AwgError("host", `awg's resolver cannot serve ${service.listen}: ${why}`, {
          remedy: "stop the program that listens there (ss -lunp sport = :53)",
        }),
      );
    const timer = setTimeout(() => fail("it does not answer"), READY_TIMEOUT_MS);
    child.on("message", (report: NameReport) => {
      if (report.kind === "ready") resolve();
      else if (report.kind === "failed") fail(report.message);
      else this.#fill(child, service, report);
    });
    let serves = false;
    child.on("exit", () => {
      fail("it ended");
      if (serves) this.#noteDeath(child);
    });
    child.on("error", (error) => fail(messageOf(error)));
    const user = process.getuid?.() === 0 ? RESOLVER_USER : { uid: 0, gid: 0 };
    child.send({ kind: "serve", service, user } satisfies NameOrder);
    try {
      await promise;
      serves = true;
      child.unref();
      child.channel?.unref();
    } catch (error) {
      if (this.#child === child) this.#end();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The resolver reads what servers send, so only its own sets and a few addresses at a time are accepted. */
  #fill(child: ChildProcess, service: NameService, report: NameReport & { readonly kind: "fill" }): void {
    const { id, set, addresses } = report;
    let ok = false;
    try {
      const isOwn = service.sets.some((one) => one.set === set);
      const isBounded = Array.isArray(addresses) && addresses.length <= MOST_ADDRESSES;
      ok = isOwn && isBounded && this.#around.nft.fillNames(set, addresses);
    } catch (error) {
      this.#around.report(`filling ${set} failed: ${messageOf(error)}`);
    }
    if (child.connected) child.send({ kind: "filled", id, ok } satisfies NameOrder);
  }

  #noteDeath(child: ChildProcess): void {
    const service = this.#service;
    if (this.#child !== child || service === undefined) return;
    this.#child = undefined;
    this.#again(service);
  }

  async #lookAtFlows(service: NameService): Promise<void> {
    try {
      const withinMs = 2 * lookIntervalMs(service);
      await keepOpenFlows(this.#around.nft, { withinMs, graceSeconds: service.graceSeconds });
    } catch (error) {
      this.#around.report(`looking at the flows of names failed: ${messageOf(error)}`);
    }
  }
}

/** Between two looks at open flows. An address lives three of them at least, so none expires unseen. */
function lookIntervalMs({ graceSeconds }: NameService): number {
  return Math.min(LONGEST_LOOK_MS, (1000 * Math.max(LEAST_SECONDS, graceSeconds)) / 3);
}

function spawnResolver(logPath: string): ChildProcess {
  const log = openEngineLog(logPath);
  const args = [...process.execArgv, process.argv[1] ?? "awg", "names"];
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  return spawn(process.execPath, args, { stdio: ["ignore", log, log, "ipc"], env, cwd: "/" });
}
