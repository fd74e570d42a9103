import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../../repository/sources.ts";
import { PEER_KEY, sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeNamespace } from "../../support/netns.ts";
import { keyCanary } from "../canary.ts";

const SAMPLE_MS = 2;
const PATIENCE_MS = 90_000;
const FLAGS = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
const PROGRAM = [process.execPath, ...FLAGS, join(ROOT, "src/cli/awg.ts")];

/** What a Node that obeys it would do: tell all it has at signals and errors, and listen for a debugger. */
const TELLING_OPTIONS = [
  "--heapsnapshot-signal=SIGUSR2",
  "--report-on-signal",
  "--report-on-fatalerror",
  "--report-uncaught-exception",
  "--inspect=127.0.0.1:9229",
].join(" ");

/** Every secret that a tunnel of the embedded engine can have. */
export const SECRETS = {
  privateKey: keyCanary("guarded key"),
  presharedKey: keyCanary("guarded psk"),
  headerKey: keyCanary("guarded header key"),
};

interface Ended {
  readonly status: number | null;
  /** Both streams. */
  readonly said: string;
}

/** A machine of its own whose tunnel has secrets, and everything that anybody could see of the processes on it. */
export class GuardedMachine implements AsyncDisposable {
  readonly folder = temporaryFolder("guarded");
  /** Where the daemon stands, and where Node would write what it tells. */
  readonly daemonFolder = join(this.folder, "cwd");
  readonly #space = makeNamespace("guarded");
  readonly #inode = statSync(`/run/netns/${this.#space.name}`).ino;
  readonly #tunnel = `g${process.pid % 100_000}`;
  /** By pid: arguments and environment as they ever were. */
  readonly shown = new Map<number, Set<string>>();
  readonly #others = new Set(pids());
  daemon: ChildProcess | undefined;
  daemonLog = "";

  constructor() {
    mkdirSync(this.daemonFolder);
    const file = (name: keyof typeof SECRETS) => `{ file: ${join(this.folder, name)} }`;
    for (const [name, { base64 }] of Object.entries(SECRETS)) {
      writeFileSync(join(this.folder, name), `${base64}\n`, { mode: 0o600 });
    }
    writeFileSync(
      this.configFile,
      sampleConfig(`tunnels:
  ${this.#tunnel}:
    protocol: amneziawg
    engine: embedded
    privateKey: ${file("privateKey")}
    addresses: [10.8.0.2/32]
    obfuscation: { version: "3.1", s1: 33, s2: 47, s3: 21, s4: 12, headerProtectionKey: ${file("headerKey")} }
    peers: [{ publicKey: ${PEER_KEY}, presharedKey: ${file("presharedKey")}, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]
default: { via: ${this.#tunnel} }
killSwitch: { enabled: true }
`),
    );
  }

  get configFile(): string {
    return join(this.folder, "config.yaml");
  }

  get stateFolder(): string {
    return join(this.folder, "state");
  }

  get uapiSocket(): string {
    return `/var/run/amneziawg/awg-${this.#tunnel}.sock`;
  }

  get runFolder(): string {
    return `/run/awg/netns-${this.#inode}`;
  }

  /** Runs a command line of awg's, and looks at every process of this machine each few milliseconds meanwhile. */
  async awg(...args: readonly string[]): Promise<Ended> {
    const child = this.#start([...args, "--state-dir", this.stateFolder], {});
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        said += chunk.toString("latin1");
      });
    }
    const ended = new Promise<number | null>((resolve) => child.once("exit", (status) => resolve(status)));
    while (child.exitCode === null && child.signalCode === null) {
      this.sample();
      await sleep(SAMPLE_MS);
    }
    return { status: await ended, said };
  }

  /** Starts the daemon as somebody would who wants Node to tell; resolves when it is in sync. */
  async startDaemon(): Promise<void> {
    const words = ["daemon", "--foreground", "-f", this.configFile, "--state-dir", this.stateFolder];
    const daemon = this.#start(words, { NODE_OPTIONS: TELLING_OPTIONS });
    this.daemon = daemon;
    for (const stream of [daemon.stdout, daemon.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.daemonLog += chunk.toString("latin1");
      });
    }
    await until("the daemon is in sync", () => {
      this.sample();
      if (daemon.exitCode !== null) throw new Error(`the daemon ended: ${this.daemonLog}`);
      return /in sync|done:/.test(this.daemonLog);
    });
  }

  /** The long-lived processes: what each is, by the last words of its command line, and its pid. */
  lasting(): Readonly<Record<"keeper" | "engine" | "daemon", number>> {
    const found = this.#inside().map((pid) => ({ pid, words: shownOf(pid, "cmdline").split("\0") }));
    const pidOf = (verb: string): number => {
      const pid = found.find(({ words }) => words.includes(verb))?.pid;
      if (pid === undefined) throw new Error(`no ${verb} runs: ${JSON.stringify(found)}`);
      return pid;
    };
    return { keeper: pidOf("keeper"), engine: pidOf("engine"), daemon: pidOf("daemon") };
  }

  /** Makes the daemon look around, by a change of the machine; resolves when it has said so. */
  async disturb(): Promise<void> {
    const before = this.daemonLog.length;
    this.#space.run(["ip", "link", "add", `d${before}`, "type", "veth"]);
    await until("the daemon has something to say", () => this.daemonLog.length > before);
  }

  /** TCP ports on which anything of this machine listens (proc(5), net/tcp: state 0A). */
  listeningPorts(): readonly number[] {
    return ["tcp", "tcp6"].flatMap((name) =>
      this.#space
        .run(["cat", `/proc/net/${name}`])
        .stdout.split("\n")
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === "0A")
        .map((fields) => Number.parseInt(fields[1]?.split(":")[1] ?? "", 16)),
    );
  }

  /** Takes note of what every process of this machine shows now. */
  sample(): void {
    for (const pid of pids()) {
      if (this.#others.has(pid) || !this.#isInside(pid)) continue;
      const seen = this.shown.get(pid) ?? new Set();
      for (const name of ["cmdline", "environ"]) seen.add(shownOf(pid, name));
      this.shown.set(pid, seen);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.daemon?.kill("SIGTERM");
    await this.awg("destroy", "--auto-approve");
    for (const pid of this.#inside()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    this.#space[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(this.uapiSocket, { force: true });
    for (const path of [this.runFolder, `/run/awg/lock.${this.#inode}`]) rmSync(path, { recursive: true, force: true });
  }

  #start(words: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
    const argv = ["netns", "exec", this.#space.name, ...PROGRAM, ...words];
    return spawn("ip", argv, {
      cwd: this.daemonFolder,
      env: { PATH: process.env["PATH"], ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  #inside(): readonly number[] {
    return pids().filter((pid) => !this.#others.has(pid) && this.#isInside(pid));
  }

  #isInside(pid: number): boolean {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`) === `net:[${this.#inode}]`;
    } catch {
      return false;
    }
  }
}

/** Waits for something to hold; throws naming it when it never does. */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; !holds(); await sleep(20)) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
  }
}

/** One of a process's files in /proc; empty when it is gone. */
export function shownOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}

function pids(): readonly number[] {
  return readdirSync("/proc").flatMap((name) => (/^[0-9]+$/.test(name) ? [Number(name)] : []));
}
