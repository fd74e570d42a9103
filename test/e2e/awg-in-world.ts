import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keeperPaths } from "../../src/model/keeper-protocol.ts";
import { type Finished, tryRun } from "../lab/world/command.ts";
import { type KeyPair, keyFile, type Server } from "../lab/world/wireguard.ts";
import type { World } from "../lab/world/world.ts";
import { sampleConfig } from "../support/config.ts";

const checkout = join(import.meta.dirname, "..", "..", "src", "cli", "awg.ts");
const limitMs = 120_000;
const longestTunnelName = 11;

/** What the tests vary in the config. */
export interface Wish {
  readonly server: Server;
  readonly killSwitch?: boolean;
  readonly allowLan?: boolean;
  /** The tunnel's own packets go by IPv6. */
  readonly overIpv6?: boolean;
  /** AmneziaWG by awg's own engine with these parameters; plain WireGuard where absent. */
  readonly obfuscation?: string;
  /** What carries plain WireGuard: wireguard-go, which is the default here, or awg's own engine. */
  readonly engine?: "userspace" | "embedded";
  /** The tunnel's addresses are networks, as most servers hand them out, for which the kernel makes routes. */
  readonly networks?: boolean;
  /** The server is known by this name alone, for which this bootstrap server is asked. */
  readonly named?: { readonly name: string; readonly bootstrap: readonly string[] };
  /** More lines at the end of the document. */
  readonly more?: string;
}

/** The real `awg` of this checkout acting on the client of a lab world, with state of its own. */
export class AwgInWorld implements AsyncDisposable {
  /** The tunnel's name; the device's is made of it, and no other process may use the same. */
  readonly tunnel: string;
  readonly device: string;
  readonly stateDir: string;
  private readonly world: World;
  private readonly key: string;
  private readonly program: string;
  private readonly rights: readonly string[];
  private configs = 0;

  /**
   * @param program what node runs; the checkout's where absent
   * @param rights words before node that take rights from awg and from all that it starts
   */
  constructor(world: World, keys: KeyPair, program = checkout, rights: readonly string[] = []) {
    this.world = world;
    this.program = program;
    this.rights = rights;
    this.tunnel = world.deviceName("a").slice(0, longestTunnelName);
    this.device = `awg-${this.tunnel}`;
    this.key = keyFile(world, "awg.key", keys.privateKey);
    this.stateDir = join(world.folder, "state");
  }

  /** Writes a config file and gives its path. */
  config(wish: Wish): string {
    const { server, killSwitch = true, allowLan = false, overIpv6 = false, obfuscation, more = "" } = wish;
    const plain = `protocol: wireguard\n    engine: ${wish.engine ?? "userspace"}`;
    const protocol = obfuscation === undefined ? plain : `protocol: amneziawg\n    obfuscation: ${obfuscation}`;
    const { name = server.address4, bootstrap } = wish.named ?? {};
    const endpoint = overIpv6 ? `"[${server.address6}]:${server.port}"` : `${name}:${server.port}`;
    const asked = bootstrap === undefined ? "" : `, bootstrap: [${bootstrap.join(", ")}]`;
    this.configs += 1;
    const path = join(this.world.folder, `config-${this.configs}.yaml`);
    const inside4 = server.inside4.replace(/1$/, "2");
    const inside6 = server.inside6.replace(/1$/, "2");
    const [length4, length6] = wish.networks === true ? [24, 64] : [32, 128];
    const text = sampleConfig(`name: lab
tunnels:
  ${this.tunnel}:
    ${protocol}
    privateKey: { file: ${this.key} }
    addresses: [${inside4}/${length4}, ${inside6}/${length6}]
    peers:
      - publicKey: ${server.keys.publicKey}
        endpoint: ${endpoint}
        allowedIPs: [0.0.0.0/0, ::/0]
        persistentKeepalive: 1s
default: { via: ${this.tunnel}, fallback: block }
killSwitch: { enabled: ${killSwitch}, allowLan: ${allowLan} }
dns: { servers: [${server.inside4}], via: ${this.tunnel}${asked} }
${more}`);
    writeFileSync(path, text);
    return path;
  }

  /**
   * The argument vector of an awg command on the client. It starts in an empty network namespace, so that a broken
   * `--netns` could not reach the machine's own network.
   */
  argv(...verb: string[]): string[] {
    const where = ["--netns", this.world.namespace("client"), "--state-dir", this.stateDir];
    return [
      "unshare",
      "--net",
      ...this.rights,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      this.program,
      ...verb,
      ...where,
    ];
  }

  /** The same without `--netns`, started inside the namespace by another. */
  argvInside(...verb: string[]): string[] {
    const enter = ["ip", "netns", "exec", this.world.namespace("client")];
    const node = [process.execPath, "--disable-warning=ExperimentalWarning", this.program];
    return [...enter, ...node, ...verb, "--state-dir", this.stateDir];
  }

  /** Runs an awg command and gives its exit status and output. */
  run(...verb: string[]): Promise<Finished> {
    return tryRun(this.argv(...verb), "", limitMs);
  }

  /** Runs an awg command that must exit 0. */
  async must(...verb: string[]): Promise<string> {
    const done = await this.run(...verb);
    if (done.status !== 0) throw new Error(`awg ${verb.join(" ")} exited ${done.status}: ${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  apply(config: string): Promise<string> {
    return this.must("apply", "-f", config, "--auto-approve");
  }

  /** Where awg keeps what lives no longer than the namespace. */
  get runDir(): string {
    return `/run/awg/netns-${this.inode}`;
  }

  /** Where the keeper of the client's namespace listens. */
  get keeperSocket(): string {
    return keeperPaths(this.runDir, this.inode).socket;
  }

  private get inode(): number {
    return statSync(`/run/netns/${this.world.namespace("client")}`).ino;
  }

  /** Processes of awg in the client's namespace: keeper and engines. The tests' own are Python and pings. */
  async processes(): Promise<readonly { pid: number; command: string }[]> {
    const listed = await tryRun(["ip", "netns", "pids", this.world.namespace("client")]);
    return listed.stdout
      .split("\n")
      .filter(Boolean)
      .map((pid) => ({ pid: Number(pid), command: commandOf(pid) }))
      .filter(({ command }) => command !== "" && !/python|^ping /.test(command));
  }

  /** kill -9 of everything that awg left running. Gives how many there were. */
  async killEverything(): Promise<number> {
    const running = await this.processes();
    for (const { pid } of running) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {}
    }
    return running.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("destroy", "--auto-approve");
    await this.killEverything();
    for (const folder of ["wireguard", "amneziawg"]) rmSync(`/var/run/${folder}/${this.device}.sock`, { force: true });
    rmSync(this.stateDir, { recursive: true, force: true });
    // Inode numbers of namespaces are used again: nothing of this one may wait for the next.
    for (const left of [this.runDir, `/run/awg/lock.${this.inode}`]) rmSync(left, { recursive: true, force: true });
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}
