import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host } from "../../../src/host/ports/host.ts";
import type { ErrorFacts } from "../../../src/model/error.ts";
import type { KeeperRequest, KeeperStatus } from "../../../src/model/keeper-protocol.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeNamespace, type TestNamespace } from "../../support/netns.ts";

type PortName = Exclude<keyof Host, "name" | typeof Symbol.asyncDispose>;

export interface HostCall {
  readonly port: PortName | "keeper";
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface HostCalls {
  readonly calls: readonly HostCall[];
  readonly runDir: string;
  readonly stateDir: string;
  readonly keeperCommand: readonly string[];
  /** Hex. */
  readonly secrets: readonly string[];
}

export interface HostOutcome {
  readonly value?: unknown;
  readonly error?: { readonly kind: string; readonly message: string; readonly facts: ErrorFacts };
}

const KEEPER_SCRIPT = fileURLToPath(new URL("../../keeper/keeper.script.ts", import.meta.url));

/** A network namespace with the real Linux host in it. Disposing ends its keeper and engines and deletes it. */
export class LinuxMachine implements Disposable {
  readonly namespace: TestNamespace;
  readonly folder: string;
  readonly #secrets: string[] = [];

  constructor(label: string) {
    this.folder = temporaryFolder("t");
    this.namespace = makeNamespace(label);
  }

  /** Makes secret bytes known and gives the id that the machine's store has for them. */
  addSecret(hex: string): SecretId {
    this.#secrets.push(hex);
    return `id-${createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex")}` as SecretId;
  }

  /** Carries out calls in order, in one process inside the namespace; an error stands in its call's outcome. */
  perform(calls: readonly HostCall[]): readonly HostOutcome[] {
    const runDir = join(this.folder, "run");
    const argument: HostCalls = {
      calls,
      runDir,
      stateDir: join(this.folder, "state"),
      keeperCommand: [process.execPath, "--disable-sigusr1", KEEPER_SCRIPT, runDir],
      secrets: this.#secrets,
    };
    return this.namespace.runScript("test/host/linux/call-host.script.ts", argument) as readonly HostOutcome[];
  }

  /** One call, whose error is thrown. */
  call<T>(port: HostCall["port"], method: string, ...args: readonly unknown[]): T {
    const [outcome] = this.perform([{ port, method, args }]);
    if (outcome?.error !== undefined) throw new Error(`${outcome.error.kind}: ${outcome.error.message}`);
    return outcome?.value as T;
  }

  /** Starts a keeper unless one runs, and asks it for these things in order; gives its last answer. */
  keeper(...requests: readonly KeeperRequest[]): KeeperStatus {
    const asking = requests.map((request): HostCall => ({ port: "keeper", method: "request", args: [request] }));
    const outcomes = this.perform([{ port: "keeper", method: "ensureRunning", args: [] }, ...asking]);
    for (const { error } of outcomes) if (error !== undefined) throw new Error(`${error.kind}: ${error.message}`);
    return outcomes.at(-1)?.value as KeeperStatus;
  }

  /** Kills a process of this namespace and waits, at most 30 s, until it is gone. */
  kill(pid: number | undefined): void {
    if (pid === undefined || pid <= 0) throw new Error("there is no process to kill");
    killQuietly(pid);
    this.waitFor(() => isGone(pid), Boolean);
  }

  /** What the keeper says of itself; null when none runs. */
  get keeperStatus(): KeeperStatus | null {
    return this.call("keeper", "status");
  }

  /** Asks until the answer satisfies, at most 30 s; gives the last answer. */
  waitFor<T>(ask: () => T, isRight: (answer: T) => boolean): T {
    const deadline = Date.now() + 30_000;
    let answer = ask();
    while (!isRight(answer) && Date.now() < deadline) answer = ask();
    return answer;
  }

  [Symbol.dispose](): void {
    const pids = this.namespace.run(["ip", "netns", "pids", this.namespace.name], { mayFail: true }).stdout;
    for (const pid of pids.split("\n").filter(Boolean).map(Number)) killQuietly(pid);
    this.namespace[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A zombie is gone: it holds nothing any more. */
function isGone(pid: number): boolean {
  try {
    return /^\S+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
