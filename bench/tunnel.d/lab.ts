import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Bundle } from "./bundle.ts";

/** What bench/tunnel.d/end.ts takes. Keys are base64. */
export interface EndOptions {
  readonly device: string;
  readonly privateKey: string;
  readonly peerKey: string;
  /** Peers beside that one, for a bench of handshakes. */
  readonly morePeers?: readonly string[];
  readonly port: number;
  readonly mtuBytes: number;
  readonly endpoint?: readonly [address: string, port: number];
  readonly obfuscation?: Readonly<Record<string, string>>;
}

/** Who carries the tunnel at both ends. */
export interface Engine {
  readonly name: string;
  /** `awg`: the engine process of an installed awg. `data plane`: its data plane alone, which tells its counters. */
  readonly program: "awg" | "data plane" | "wireguard-go";
  readonly obfuscation?: Readonly<Record<string, string>>;
  readonly mtuBytes: number;
}

/** Counters of both ends together, by name. */
export type Counters = Readonly<Record<string, number>>;

/** Both ends of a running tunnel. */
export interface RunningTunnel extends AsyncDisposable {
  /** Base64. */
  readonly farPublicKey: string;
  readonly farDevice: string;
  /** User and system time of both ends since they started, in seconds. */
  cpuSeconds(): number;
  /** The larger one's resident memory at its highest (VmHWM, proc_pid_status(5)). */
  residentMegabytes(): number;
  /** Of the near and the far end; empty objects but for the data plane. */
  counters(): Promise<readonly [near: Counters, far: Counters]>;
}

const TICKS_PER_SECOND = 100;

/** Two namespaces and a cable between them; the tunnel's addresses are 10.66.0.1 and .2, the cable's 192.0.2.1 and .2. */
export class TunnelLab implements Disposable {
  readonly near = `t-bench-a-${process.pid}`;
  readonly far = `t-bench-b-${process.pid}`;

  readonly #bundle: Bundle;

  constructor(bundle: Bundle) {
    this.#bundle = bundle;
    try {
      for (const name of [this.near, this.far]) run("ip", "netns", "add", name);
      run("ip", "-n", this.near, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", this.far);
      for (const [name, last] of [
        [this.near, 1],
        [this.far, 2],
      ] as const) {
        run("ip", "-n", name, "link", "set", "lo", "up");
        run("ip", "-n", name, "address", "add", `192.0.2.${last}/24`, "dev", "cable");
        run("ip", "-n", name, "link", "set", "cable", "up");
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const name of [this.near, this.far]) spawnSync("ip", ["netns", "delete", name]);
  }

  /** Whether the cable takes datagrams that are cut later, as veth does but not every card; needs ethtool. */
  setSegmentation(on: boolean): boolean {
    const word = on ? "on" : "off";
    return [this.near, this.far].every((name) => {
      const words = ["-K", "cable", "tx-udp-segmentation", word, "gro", word];
      return spawnSync("ip", ["netns", "exec", name, "ethtool", ...words]).status === 0;
    });
  }

  /** Starts an engine that answers handshakes at 192.0.2.2:51002, at the far end only. */
  async startResponder(program: Engine["program"], privateKey: string, peers: readonly string[]): Promise<RunningEnd> {
    const [peerKey = "", ...morePeers] = peers;
    const options = { device: `bnb${process.pid}`, privateKey, peerKey, morePeers, port: 51002, mtuBytes: 1420 };
    return this.#startEnd(program, this.far, options);
  }

  /** Gives the near end the addresses from 192.0.2.10 on, for a sender with many. */
  addSources(count: number): void {
    for (let last = 10; last < 10 + count; last += 1)
      run("ip", "-n", this.near, "address", "add", `192.0.2.${last}/32`, "dev", "cable");
  }

  /** Starts an engine at both ends and waits until a ping comes through; the far end also knows `morePeers`. */
  async start(engine: Engine, morePeers: readonly string[] = []): Promise<RunningTunnel> {
    const [a, b] = [keyPair(), keyPair()];
    const near = { device: `bna${process.pid}`, privateKey: a.private, peerKey: b.public, port: 51001 };
    const far = { device: `bnb${process.pid}`, privateKey: b.private, peerKey: a.public, port: 51002 };
    const more = {
      mtuBytes: engine.mtuBytes,
      ...(engine.obfuscation === undefined ? {} : { obfuscation: engine.obfuscation }),
    };
    const ends = await Promise.all([
      this.#startEnd(engine.program, this.near, { ...near, ...more, endpoint: ["192.0.2.2", 51002] }),
      this.#startEnd(engine.program, this.far, { ...far, ...more, morePeers }),
    ]);
    for (const [name, device, last] of [
      [this.near, near.device, 1],
      [this.far, far.device, 2],
    ] as const) {
      run("ip", "-n", name, "address", "add", `10.66.0.${last}/24`, "dev", device);
      run("ip", "-n", name, "link", "set", device, "mtu", String(engine.mtuBytes), "up");
    }
    run("ip", "netns", "exec", this.near, "ping", "-q", "-c", "1", "-w", "20", "10.66.0.2");
    return {
      farPublicKey: b.public,
      farDevice: far.device,
      cpuSeconds: () => ends.reduce((sum, end) => sum + cpuSecondsOf(end.pid), 0),
      residentMegabytes: () => Math.max(...ends.map((end) => residentOf(end.pid))),
      counters: async () => [await ends[0].counters(), await ends[1].counters()],
      [Symbol.asyncDispose]: async () => {
        await Promise.all(ends.map((end) => end.stop()));
      },
    };
  }

  #startEnd(program: Engine["program"], namespace: string, options: EndOptions): Promise<RunningEnd> {
    if (program === "wireguard-go") return startWireguardGo(namespace, options);
    return program === "awg"
      ? startAwg(namespace, options, this.#bundle)
      : startDataPlaneAlone(namespace, options, this.#bundle);
  }
}

/** One end alone. */
export interface RunningEnd {
  readonly pid: number;
  counters(): Promise<Counters>;
  stop(): Promise<void>;
}

async function startAwg(namespace: string, options: EndOptions, { awg }: Bundle): Promise<RunningEnd> {
  const { device, mtuBytes, obfuscation = {} } = options;
  const protocol = options.obfuscation === undefined ? "wireguard" : "amneziawg";
  const script = join(import.meta.dirname, "engine.ts");
  // As the launcher's first line starts node.
  const node = [process.execPath, "--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
  const program = [...node, script, device, String(mtuBytes), awg, protocol, devNull];
  const child = spawn("ip", ["netns", "exec", namespace, ...program]);
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const pid = Number((await lines.next()).value);
  if (!(pid > 0)) throw new Error("awg's engine did not start");
  const keys = Object.entries(obfuscation).map(([key, value]) => `${key.toUpperCase()} = ${value}\n`);
  const conf = confText(options, keys.join(""));
  run("sh", ["-c", 'cat | "$0" "$1" setconf "$2" /dev/stdin', process.execPath, awg, device], conf);
  return {
    pid,
    counters: async () => ({}),
    stop: async () => {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}

async function startDataPlaneAlone(namespace: string, options: EndOptions, bundle: Bundle): Promise<RunningEnd> {
  const program = [process.execPath, bundle.end, JSON.stringify(options), bundle.worker];
  const child = spawn("ip", ["netns", "exec", namespace, ...program]);
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "ready") throw new Error("awg's end did not start");
  return {
    pid: child.pid ?? 0,
    counters: async () => {
      child.stdin.write("\n");
      return JSON.parse((await lines.next()).value as string) as Counters;
    },
    stop: () => stopChild(child),
  };
}

async function startWireguardGo(namespace: string, options: EndOptions): Promise<RunningEnd> {
  const socket = `/var/run/wireguard/${options.device}.sock`;
  rmSync(socket, { force: true });
  const child = spawn("ip", ["netns", "exec", namespace, "wireguard-go", "-f", options.device]);
  for (let waited = 0; !existsSync(socket); waited += 50) {
    if (waited > 20_000) throw new Error("wireguard-go did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  run("sh", ["-c", 'cat | wg setconf "$0" /dev/stdin', options.device], confText(options, ""));
  return { pid: child.pid ?? 0, counters: async () => ({}), stop: () => stopChild(child) };
}

/** As `setconf` takes it; `more` stands in its first section. */
function confText({ privateKey, port, peerKey, endpoint, morePeers = [] }: EndOptions, more: string): string {
  const at = endpoint === undefined ? "" : `Endpoint = ${endpoint.join(":")}\n`;
  return (
    `[Interface]\nPrivateKey = ${privateKey}\nListenPort = ${port}\n${more}` +
    `[Peer]\nPublicKey = ${peerKey}\n${at}AllowedIPs = 0.0.0.0/0\n` +
    morePeers.map((key) => `[Peer]\nPublicKey = ${key}\n`).join("")
  );
}

async function stopChild(child: ChildProcessWithoutNullStreams): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** What a program says its release is; wireguard-go 0.0.20231211 of Debian says 0.0.20230223. */
export function releaseOf(program: string): string {
  return run(program, "--version").split("\n")[0] ?? program;
}

/** A new private key and its public key, in base64. */
export function keyPair(): { readonly private: string; readonly public: string } {
  const { d = "", x = "" } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  const base64 = (text: string) => Buffer.from(text, "base64url").toString("base64");
  return { private: base64(d), public: base64(x) };
}

function run(program: string, ...rest: readonly (string | readonly string[])[]): string {
  const input = Array.isArray(rest[0]) ? (rest[1] as string) : undefined;
  const argv = (Array.isArray(rest[0]) ? rest[0] : rest) as readonly string[];
  const { status, stdout, stderr } = spawnSync(program, [...argv], { encoding: "utf8", ...(input ? { input } : {}) });
  if (status !== 0) throw new Error(`${program} ${argv.join(" ")}: ${stderr}`);
  return stdout;
}

/** `ip netns exec` becomes the program, so the process is the end itself (proc_pid_stat(5), fields 14 and 15). */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function residentOf(pid: number): number {
  const status = readdirSync("/proc").includes(String(pid)) ? readFileSync(`/proc/${pid}/status`, "utf8") : "";
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
