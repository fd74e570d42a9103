import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../../lab/world/command.ts";
import { PEER_KEY, sampleConfig } from "../../../support/config.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { makeNamespace, type TestNamespace } from "../../../support/netns.ts";
import { errors } from "./failing-calls.ts";

const longestMs = 120_000;
const takenPort = 40_000;
const heldDevice = "held0";
/** No kernel interrupts a call for ever. */
const lasting = errors.filter((error) => error !== "EINTR");
/** From this request on, of those that it takes to read the machine once. */
const firstRequests = 12;

/** What of a process must not grow. */
export interface Figures {
  readonly descriptors: number;
  readonly residentKib: number;
}

/** What the daemon and its keeper hold, and how many processes of awg there are. */
export interface Held {
  readonly daemon: Figures;
  readonly keeper: Figures;
  readonly processes: number;
  /** Of the daemon's heap, what the last full collection left; absent before the first. */
  readonly liveKib?: number;
}

interface Fault {
  /** More of the configuration. */
  readonly config?: string;
  /** Makes the world refuse; disposing lets it give way. */
  readonly begin?: () => Promise<AsyncDisposable>;
}

/**
 * One daemon on a real kernel whose every apply fails by another fault: a disk that is full or read-only, a port and a
 * device's name that are somebody else's, a required probe that nobody answers, and calls of the daemon and of its keeper
 * that the kernel refuses by each errno in turn.
 */
export class FailingDaemon implements AsyncDisposable {
  readonly #space: TestNamespace = makeNamespace("fails");
  readonly #folder = temporaryFolder("fails");
  readonly #inode = statSync(`/run/netns/${this.#space.name}`).ino;
  /** Sockets of engines lie in a folder that all namespaces share: the names are nobody else's. */
  readonly #tunnel = `f${process.pid.toString(36)}`;
  readonly #program: string;
  readonly #started: ChildProcess[] = [];
  #daemon: ChildProcess | undefined;
  #reported = "";
  #edits = 0;

  /** @param program what node runs */
  constructor(program: string) {
    this.#program = program;
  }

  /** Starts it and waits for its first apply. */
  async start(): Promise<void> {
    mkdirSync(this.#disk);
    await run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", this.#disk]);
    writeFileSync(join(this.#folder, "key"), `${Buffer.alloc(32, 7).toString("base64")}\n`, { mode: 0o600 });
    this.#space.run(["ip", "link", "add", heldDevice, "type", "veth", "peer", "name", "held1"]);
    const bind = `require("dgram").createSocket("udp4").bind(${takenPort})`;
    this.#start(process.execPath, "-e", bind);
    this.#edit();
    const [node = "", ...awg] = this.#awg;
    this.#daemon = this.#start(
      node,
      "--trace-gc",
      ...awg,
      "daemon",
      "--foreground",
      "-f",
      this.#config,
      ...this.#state,
    );
    for (const stream of [this.#daemon.stdout, this.#daemon.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#reported += text;
      });
    await this.#until(/in sync/, 0);
  }

  /** Each kind of fault once, with the errnos of this turn. Gives what the daemon said of each. */
  async failEachWay(turn: number): Promise<readonly string[]> {
    const said: string[] = [];
    for (const fault of this.#faults(turn)) {
      const begun = await fault.begin?.();
      const from = this.#reported.length;
      this.#edit(fault.config);
      try {
        said.push(await this.#until(/Stalled: .*|cannot be applied: .*/, from));
      } finally {
        await begun?.[Symbol.asyncDispose]();
      }
    }
    return said;
  }

  /** A config that can be carried out; returns once `awg diff` finds nothing. */
  async succeed(): Promise<void> {
    this.#edit();
    for (const endMs = performance.now() + longestMs; ; await sleep(500)) {
      const argv = [...this.#awg, "diff", "-f", this.#config, ...this.#state];
      if (this.#space.run(argv, { mayFail: true }).status === 0) return;
      if (performance.now() > endMs)
        throw new Error(`it does not converge; the daemon reported:\n${this.#reported.slice(-4_000)}`);
    }
  }

  held(): Held {
    const pids = this.#space.run(["ip", "netns", "pids", this.#space.name]).stdout.split("\n").filter(Boolean);
    const ours = pids.map(Number).filter((pid) => textOf(`/proc/${pid}/cmdline`).includes(this.#program));
    const keeper = ours.find((pid) => textOf(`/proc/${pid}/cmdline`).includes("\0keeper\0")) ?? 0;
    const [, liveMib] = [...this.#reported.matchAll(/Mark-Compact.*?-> ([\d.]+) \(/g)].at(-1) ?? [];
    const live = liveMib === undefined ? {} : { liveKib: Math.round(Number(liveMib) * 1024) };
    return { daemon: figuresOf(this.#daemon?.pid ?? 0), keeper: figuresOf(keeper), processes: ours.length, ...live };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#daemon?.kill("SIGKILL");
    this.#space.run([...this.#awg, "destroy", "--auto-approve", ...this.#state], { mayFail: true });
    for (const child of this.#started) child.kill("SIGKILL");
    const pids = this.#space.run(["ip", "netns", "pids", this.#space.name], { mayFail: true }).stdout;
    for (const pid of pids.split("\n").filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    this.#space[Symbol.dispose]();
    await run(["umount", "--lazy", this.#disk]);
    rmSync(this.#folder, { recursive: true, force: true });
    for (const left of [`netns-${this.#inode}`, `lock.${this.#inode}`])
      rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    for (const name of [this.#tunnel, `${this.#tunnel}b`])
      rmSync(`/var/run/wireguard/awg-${name}.sock`, { force: true });
  }

  #faults(turn: number): readonly Fault[] {
    const error = lasting[turn % lasting.length] ?? "EPERM";
    const refuse = (pid: () => number, first: number) => async () =>
      this.#trace(pid(), `inject=sendto:error=${error}:when=${first}+`);
    return [
      { begin: async () => this.#fill() },
      { begin: async () => this.#remount() },
      { config: this.#second(`listenPort: ${takenPort}`) },
      { config: this.#second(`interface: ${heldDevice}`) },
      { config: 'probes: [{ name: nobody, type: tcp, target: "127.0.0.1:9", required: true }]' },
      { begin: refuse(() => this.#keeper, 1) },
      { begin: refuse(() => this.#daemon?.pid ?? 0, 1 + (turn % firstRequests)) },
    ];
  }

  async #fill(): Promise<AsyncDisposable> {
    const file = join(this.#disk, "fill");
    try {
      writeFileSync(file, Buffer.alloc(4 << 20));
    } catch {
      // It is full.
    }
    return { [Symbol.asyncDispose]: async () => rmSync(file) };
  }

  async #remount(): Promise<AsyncDisposable> {
    await run(["mount", "-o", "remount,ro", this.#disk]);
    return { [Symbol.asyncDispose]: async () => void (await run(["mount", "-o", "remount,rw", this.#disk])) };
  }

  async #trace(pid: number, inject: string): Promise<AsyncDisposable> {
    const tracer = spawn("strace", ["-qq", "-o", "/dev/null", "-e", "trace=sendto", "-e", inject, "-p", String(pid)], {
      stdio: "ignore",
    });
    const ended = once(tracer, "exit");
    const isTraced = (): boolean => /^TracerPid:\t[1-9]/m.test(textOf(`/proc/${pid}/status`));
    for (const endMs = performance.now() + longestMs; !isTraced(); await sleep(10))
      if (performance.now() > endMs || tracer.exitCode !== null) throw new Error(`strace does not trace ${pid}`);
    return {
      [Symbol.asyncDispose]: async () => {
        tracer.kill("SIGINT");
        await ended;
      },
    };
  }

  /** Another wish each time: the port that the packet filter lets in. */
  #edit(more = ""): void {
    this.#edits += 1;
    const text = sampleConfig(`tunnels:
${this.#tunnelText(this.#tunnel, 1, "10.20.0.0/16")}${more.startsWith("  ") ? `\n${more}` : ""}
default: { via: direct }
killSwitch: { enabled: true, allow: [{ direction: in, protocol: tcp, ports: [${2_000 + this.#edits}] }] }
${more.startsWith("  ") ? "" : more}
`);
    writeFileSync(`${this.#config}.new`, text, { mode: 0o600 });
    renameSync(`${this.#config}.new`, this.#config);
  }

  #second(more: string): string {
    return `${this.#tunnelText(`${this.#tunnel}b`, 2, "10.30.0.0/16")}\n    ${more}`;
  }

  #tunnelText(name: string, number: number, prefix: string): string {
    return `  ${name}:
    protocol: wireguard
    engine: embedded
    privateKey: { file: ${join(this.#folder, "key")} }
    addresses: [10.8.${number}.2/32]
    mtu: 1400
    peers: [{ publicKey: ${PEER_KEY}, endpoint: "192.0.2.1:51820", allowedIPs: [${prefix}] }]`;
  }

  async #until(what: RegExp, from: number): Promise<string> {
    for (const endMs = performance.now() + longestMs; ; await sleep(10)) {
      const [found] = what.exec(this.#reported.slice(from)) ?? [];
      if (found !== undefined) return found;
      if (this.#daemon?.exitCode !== null) throw new Error(`the daemon ended:\n${this.#reported.slice(-4_000)}`);
      if (performance.now() > endMs)
        throw new Error(`${what} did not come; the daemon reported:\n${this.#reported.slice(-4_000)}`);
    }
  }

  #start(...argv: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.#space.name, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    this.#started.push(child);
    return child;
  }

  get #keeper(): number {
    const pids = this.#space.run(["ip", "netns", "pids", this.#space.name]).stdout.split("\n").filter(Boolean);
    return pids.map(Number).find((pid) => textOf(`/proc/${pid}/cmdline`).includes("\0keeper\0")) ?? 0;
  }

  get #awg(): readonly string[] {
    return [process.execPath, "--disable-warning=ExperimentalWarning", this.#program];
  }

  get #disk(): string {
    return join(this.#folder, "disk");
  }

  get #config(): string {
    return join(this.#folder, "config.yaml");
  }

  get #state(): readonly string[] {
    return ["--state-dir", join(this.#disk, "state")];
  }
}

function figuresOf(pid: number): Figures {
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    residentKib: Number(/^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/status`))?.[1]),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
