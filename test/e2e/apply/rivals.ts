import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PEER_KEY, sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeNamespace, type TestNamespace } from "../../support/netns.ts";

const limitMs = 120_000;
const restMs = 60_000;
/** awg's rtnetlink protocol, on whatever route or rule is its own. */
const protocol = "174";

/** How one verb ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one rival asks for again and again: its config's path, or nothing of awg's at all. */
export type Wanted = string | "nothing";

/** A namespace in which several awg change the machine at once, each to a state of its own. */
export class Rivals implements Disposable {
  readonly #space: TestNamespace = makeNamespace("rivals");
  readonly #folder = temporaryFolder("rivals");
  readonly #inode = statSync(`/run/netns/${this.#space.name}`).ino;
  readonly #program: string;
  readonly #devices: string[] = [];
  #daemon: ChildProcess | undefined;
  #reported = "";

  /** @param program what node runs */
  constructor(program: string) {
    this.#program = program;
    mkdirSync(this.#state, { mode: 0o700 });
    writeFileSync(join(this.#folder, "key"), `${Buffer.alloc(32, 7).toString("base64")}\n`, { mode: 0o600 });
  }

  /** Writes the config of one rival, told from the others by one port, and gives its path; a tunnel takes longer. */
  config(rival: number, engine?: "embedded" | "userspace"): string {
    const path = join(this.#folder, `config-${rival}.yaml`);
    const text = sampleConfig(`${engine === undefined ? "" : this.#tunnel(rival, engine)}
rules: [{ destinations: [192.0.2.${rival + 1}], via: block }]
default: { via: direct }
killSwitch: { enabled: true, allow: [{ direction: in, protocol: tcp, ports: [${2000 + rival}] }] }
`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** Starts a daemon beside them that proposes a config. */
  startDaemon(config: string): void {
    const argv = [...this.#inside, "daemon", "--foreground", "-f", config, "--state-dir", this.#state];
    this.#daemon = spawn("ip", argv, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#daemon.stdout, this.#daemon.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#reported += text;
      });
  }

  /** Until the daemon has looked at what the others left and found nothing to do for a while. */
  async daemonRests(): Promise<void> {
    let [seen, since] = [-1, performance.now()];
    for (const endMs = performance.now() + restMs; ; await sleep(100)) {
      if (this.#daemon?.exitCode !== null) throw new Error(`the daemon ended:\n${this.#reported}`);
      if (this.#reported.length !== seen) [seen, since] = [this.#reported.length, performance.now()];
      const isInSync = this.#reported.lastIndexOf("in sync") > this.#reported.lastIndexOf("reading the host again");
      if (isInSync && performance.now() - since > 5_000) return;
      if (performance.now() > endMs) throw new Error(`the daemon does not rest:\n${this.#reported.slice(-4_000)}`);
    }
  }

  /** Runs awg in the namespace to its end. */
  awg(...verb: readonly string[]): Promise<Ended> {
    return this.#start(verb).ended;
  }

  /** Makes the machine as it is wanted. */
  ask(wanted: Wanted): Promise<Ended> {
    return this.#start(askFor(wanted)).ended;
  }

  /** As many processes as there are wishes ask for theirs this often, all at once. */
  async compete(wishes: readonly Wanted[], times: number): Promise<readonly Ended[]> {
    const one = async (wanted: Wanted): Promise<Ended[]> => {
      const ended: Ended[] = [];
      for (let time = 0; time < times; time++) ended.push(await this.ask(wanted));
      return ended;
    };
    return (await Promise.all(wishes.map(one))).flat();
  }

  /** kill -9 of one that asks for this, while it holds the lock. Gives its pid. */
  async killHolding(wanted: Wanted): Promise<number> {
    const { child, ended } = this.#start(askFor(wanted));
    const isHolding = (): boolean => new RegExp(`"pid":${child.pid},`).test(this.#lock());
    while (!isHolding()) {
      if (child.exitCode !== null) throw new Error(`it ended before it could be killed: ${(await ended).stderr}`);
      await sleep(1);
    }
    child.kill("SIGKILL");
    await ended;
    return child.pid ?? 0;
  }

  /** Which of the wishes the machine is exactly. */
  async holding(wishes: readonly Wanted[]): Promise<readonly Wanted[]> {
    const found: Wanted[] = [];
    for (const wanted of wishes) {
      const isSo = wanted === "nothing" ? this.#isBare() : (await this.awg("diff", "-f", wanted)).status === 0;
      if (isSo) found.push(wanted);
    }
    return found;
  }

  /** The generations that are kept, as `awg history` tells them. */
  async generations(): Promise<readonly { number: number; configHash: string; holds: boolean }[]> {
    const { stdout } = await this.awg("history", "--json");
    return (JSON.parse(stdout) as { generations: { number: number; configHash: string; holds: boolean }[] })
      .generations;
  }

  [Symbol.dispose](): void {
    const pids = this.#space.run(["ip", "netns", "pids", this.#space.name], { mayFail: true }).stdout;
    for (const pid of pids.split("\n").filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    this.#space[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
    for (const left of [`netns-${this.#inode}`, `lock.${this.#inode}`])
      rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    for (const device of this.#devices) rmSync(`/var/run/wireguard/${device}.sock`, { force: true });
  }

  /** Sockets of engines lie in a folder that all namespaces share: the name is nobody else's. */
  #tunnel(rival: number, engine: string): string {
    const name = `r${process.pid.toString(36)}${rival}`;
    this.#devices.push(`awg-${name}`);
    return `tunnels:
  ${name}:
    protocol: wireguard
    engine: ${engine}
    privateKey: { file: ${join(this.#folder, "key")} }
    addresses: [10.8.${rival}.2/32]
    mtu: 1400
    peers: [{ publicKey: ${PEER_KEY}, endpoint: "192.0.2.1:51820", allowedIPs: [10.20.0.0/16] }]`;
  }

  get #state(): string {
    return join(this.#folder, "state");
  }

  /** What `ip` becomes: the awg that acts is the very process that starts. */
  get #inside(): readonly string[] {
    const node = [process.execPath, "--disable-warning=ExperimentalWarning", this.#program];
    return ["netns", "exec", this.#space.name, ...node];
  }

  #start(verb: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
    const argv = [...this.#inside, ...verb, "--state-dir", this.#state];
    const child = spawn("ip", argv, { stdio: ["ignore", "pipe", "pipe"], timeout: limitMs });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    return {
      child,
      ended: new Promise((resolve) => child.on("close", (status) => resolve({ status, stdout, stderr }))),
    };
  }

  #lock(): string {
    try {
      return readFileSync(`/run/awg/lock.${this.#inode}`, "utf8");
    } catch {
      return "";
    }
  }

  /** Whether nothing of awg's stands on the machine. */
  #isBare(): boolean {
    const left = (argv: readonly string[]): string => this.#space.run(argv, { mayFail: true }).stdout;
    const ours = [
      /\bawg\b/.test(left(["nft", "list", "tables"])),
      /awg-/.test(left(["ip", "-o", "link"])),
      ...["-4", "-6"].flatMap((family) => [
        left(["ip", family, "rule", "show"]).includes(`proto ${protocol}`),
        left(["ip", family, "route", "show", "table", "all", "proto", protocol]) !== "",
      ]),
    ];
    return !ours.includes(true);
  }
}

function askFor(wanted: Wanted): readonly string[] {
  const how = ["--auto-approve", "--json"];
  return wanted === "nothing" ? ["destroy", ...how] : ["apply", "-f", wanted, ...how];
}

/** What is wrong with how rivals ended: each made what it wants, or was told which process was at work. */
export function wrongEnds(ended: readonly Ended[]): readonly Ended[] {
  return ended.filter(({ status, stderr }) => status !== 0 && !(status === 10 && /\(process \d+\)/.test(stderr)));
}

/** Numbers of the generations that these made, as each was told. */
export function generationsMade(ended: readonly Ended[]): ReadonlySet<number> {
  const made = ended
    .filter(({ status }) => status === 0)
    .map(({ stdout }) => (JSON.parse(stdout) as { generation: number }).generation);
  return new Set(made);
}
