import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Part, Product, Variant } from "../../lab/disruptions/disruption.ts";
import { type Finished, tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import type { KeyPair, Server } from "../../lab/world/wireguard.ts";
import type { World } from "../../lab/world/world.ts";
import { AwgInWorld, type Wish } from "../awg-in-world.ts";

/** What programs look up in /etc; resolv.conf comes of itself. */
const etcFiles = ["passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache"];
const limitMs = 120_000;
/** Flushes everything; prints for how many milliseconds our rules were away, or exits 3 where it never was seen away. */
const flushScript = `begin=$(date +%s%N)
nft flush ruleset 2>/dev/null
nft list tables | grep -q "inet awg" && exit 3
until nft list chain inet awg leaving >/dev/null 2>&1; do :; done
echo $(( ($(date +%s%N) - begin) / 1000000 ))`;
const keptWords = 4_000;

const words: Record<Part, RegExp> = {
  daemon: / daemon --foreground/,
  keeper: / keeper --run-dir/,
  engine: /^(?:\S*\/)?wireguard-go | engine awg-/,
};

/** What is disrupted: the checkout where no program is named, and wireguard-go where no engine is. */
export interface Build extends Pick<Wish, "engine" | "named" | "allowLan"> {
  readonly program?: string;
  /** How often the daemon looks although nothing happened; 2s where absent. */
  readonly driftEvery?: string;
}

/**
 * `awg daemon` on the client of a lab world, to be disrupted. Its /etc is a folder of its own, so that others can do to
 * resolv.conf whatever one can do to a file; `ip netns exec` would make that file a mount point.
 */
export class DisruptedAwg implements Product, AsyncDisposable {
  readonly device: string;
  readonly configFile: string;
  readonly resolvConf: string;
  private readonly awg: AwgInWorld;
  private readonly world: World;
  private readonly etc: string;
  private readonly texts: readonly [string, string];
  private daemon: ChildProcess | undefined;
  private reported = "";

  constructor(world: World, keys: KeyPair, server: Server, { program, driftEvery = "2s", ...wish }: Build) {
    this.world = world;
    this.awg = new AwgInWorld(world, keys, program);
    this.device = this.awg.device;
    this.etc = join(world.folder, "etc");
    this.resolvConf = join(this.etc, "resolv.conf");
    this.configFile = join(world.folder, "watched", "config.yaml");
    const text = (port: number): string => {
      const more = `reconcile: { driftEvery: ${driftEvery} }
rules: [{ name: web, destinations: [198.51.100.99/32], ports: [${port}], protocol: tcp, via: direct }]
`;
      return readFileSync(this.awg.config({ ...wish, server, more }), "utf8");
    };
    this.texts = [text(443), text(8443)];
  }

  /** Starts it with the first configuration; returns when the machine has it. */
  static async start(world: World, keys: KeyPair, server: Server, build: Build = {}): Promise<DisruptedAwg> {
    const awg = new DisruptedAwg(world, keys, server, build);
    try {
      mkdirSync(awg.etc, { recursive: true });
      for (const name of etcFiles) if (existsSync(`/etc/${name}`)) copyFileSync(`/etc/${name}`, join(awg.etc, name));
      writeFileSync(awg.resolvConf, `nameserver ${place.v4.router}\n`);
      mkdirSync(join(world.folder, "watched"), { recursive: true, mode: 0o700 });
      writeFileSync(awg.configFile, awg.configText(0), { mode: 0o600 });
      await awg.startDaemon();
      await waitFor("the first apply", () => awg.reported.includes("in sync"), limitMs);
      return awg;
    } catch (cause) {
      await awg[Symbol.asyncDispose]();
      throw cause;
    }
  }

  get lastWords(): string {
    return this.reported.slice(-1_500);
  }

  configText(variant: Variant): string {
    return this.texts[variant];
  }

  async pids(part: Part): Promise<readonly number[]> {
    return (await this.awg.processes()).filter(({ command }) => words[part].test(command)).map(({ pid }) => pid);
  }

  async startDaemon(): Promise<void> {
    const [program = "", ...rest] = this.argv("daemon", "--foreground", "-f", this.configFile);
    let own = "";
    const child = spawn(program, rest, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      own += text;
      this.reported = (this.reported + text).slice(-keptWords);
    });
    this.daemon = child;
    const look = (): boolean => {
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${own}`);
      return own.includes("reading the host again");
    };
    await waitFor("the daemon's first look", look, limitMs);
  }

  async applyByHand(): Promise<number> {
    return (await this.run("apply", "-f", this.configFile, "--auto-approve")).status;
  }

  async revertByHand(): Promise<number> {
    return (await this.run("revert")).status;
  }

  /** Kills the keeper and flushes everything in the moment in which nobody owns it; for how many milliseconds it was gone. */
  async flushUnowned(): Promise<number> {
    const flush = ["ip", "netns", "exec", this.world.namespace("client"), "sh", "-c", flushScript];
    const text = await waitFor(
      "a flush that took, and its repair",
      async () => {
        for (const pid of await this.pids("keeper")) process.kill(pid, "SIGKILL");
        const { status, stdout, stderr } = await tryRun(flush);
        if (status !== 0 && status !== 3)
          throw new Error(`not put back: ${stderr}; the daemon reported: ${this.lastWords}`);
        return status === 0 && stdout;
      },
      limitMs,
      0,
    );
    return Number(text);
  }

  /** Where the keeper writes until when it waits for a confirmation. */
  get watchFile(): string {
    const { runDir } = this.awg;
    return join(runDir, basename(runDir).replace("netns", "keeper"), "watchdog");
  }

  /** `awg apply` of a file beside the loop, which waits to be confirmed: the process, once it waits. */
  async applyUnconfirmed(file: string, within: string): Promise<ChildProcess> {
    const verb = ["apply", "-f", file, "--auto-approve", "--confirm-within", within];
    const [program = "", ...rest] = this.argv(...verb);
    const child = spawn(program, rest);
    let own = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        own += text;
      });
    await waitFor("awg apply to wait", () => {
      if (child.exitCode !== null) throw new Error(`awg apply ended: ${own}`);
      return own.includes("not confirmed");
    });
    return child;
  }

  async saysInSync(): Promise<boolean> {
    return (await this.run("diff", "-f", this.configFile)).status === 0;
  }

  /** What `awg status` says of the tunnel, and of the whole. */
  async status(): Promise<{ readonly tunnel: string | undefined; readonly isReady: boolean | undefined }> {
    const { conditions, resources } = JSON.parse((await this.run("status", "--json")).stdout) as {
      conditions: { type: string; status: boolean }[];
      resources: { tunnel?: { state: string } }[];
    };
    const reported = resources.find(({ tunnel }) => tunnel !== undefined);
    return { tunnel: reported?.tunnel?.state, isReady: conditions.find(({ type }) => type === "Ready")?.status };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.daemon?.kill("SIGKILL");
    for (const pid of await this.pids("daemon")) process.kill(pid, "SIGKILL");
    await this.run("destroy", "--auto-approve");
    await this.awg[Symbol.asyncDispose]();
  }

  private run(...verb: readonly string[]): Promise<Finished> {
    return tryRun(this.argv(...verb), "", limitMs);
  }

  private argv(...verb: readonly string[]): string[] {
    const command = this.awg.argvInside(...verb).slice("ip netns exec NAME".split(" ").length);
    const enter = ["nsenter", `--net=/run/netns/${this.world.namespace("client")}`, "unshare", "--mount"];
    return [...enter, "sh", "-c", `mount --bind ${this.etc} /etc && exec "$@"`, "sh", ...command];
  }
}
