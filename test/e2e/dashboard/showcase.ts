import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeNamespace, type TestNamespace } from "../../support/netns.ts";

/** Servers of the showcase: name, address, what the tunnel's inside is called. */
const SERVERS = [
  { name: "office", address: "198.51.100.7", inside: "10.8.0", port: 51_820 },
  { name: "home", address: "203.0.113.20", inside: "10.9.0", port: 51_821 },
] as const;
/** Programs that run there, and the address each talks to. */
const PROGRAMS = [
  { path: "/opt/firefox/firefox", to: "10.8.0.1", kilobytes: 90 },
  { path: "/opt/slack/slack", to: "10.8.0.1", kilobytes: 8 },
  { path: "/opt/thunderbird/thunderbird", to: "10.8.0.1", kilobytes: 3 },
  { path: "/opt/jellyfin/jellyfin", to: "10.9.0.1", kilobytes: 160 },
  { path: "/usr/local/bin/restic", to: "192.0.2.1", kilobytes: 40 },
] as const;
/** Where the host has its own Node. */
const LIB = "/usr/local/lib/awg";
const PORT = 8_443;
/** What the next config has more: it waits to be applied. */
const NEXT_RULES = `rules:
  - { name: chat, apps: [{ path: /opt/slack/slack }], via: block }
  - { name: printers, destinations: [192.0.2.64/26], via: direct }
`;
export const PERSON = { uid: 2_000, viewers: 981 } as const;
/** Users and groups of the host. */
const ACCOUNTS = [
  "echo maria:x:2000:2000::/home/maria:/bin/sh >> /etc/passwd && echo maria:x:2000: >> /etc/group",
  "echo awg:x:980:980::/:/usr/sbin/nologin >> /etc/passwd && echo awg:x:980: >> /etc/group",
  `echo awg-viewer:x:${PERSON.viewers}:maria >> /etc/group`,
];
/** Words that start a program as a person who may look. */
export const AS_VIEWER = ["setpriv", `--reuid=${PERSON.uid}`, `--regid=${PERSON.uid}`, `--groups=${PERSON.viewers}`];
/** Gets and sends what changes with time, as programs do, until it is ended. */
const TALKER = `
import math, random, socket, sys, time
host, kilobytes = sys.argv[1], float(sys.argv[2])
while True:
    try:
        with socket.create_connection((host, ${PORT}), 5) as talk:
            while True:
                wave = 0.55 + 0.45 * math.sin(time.time() / 7 + kilobytes)
                wanted = int(1024 * kilobytes * wave * random.uniform(0.4, 1.2)) // 4
                talk.sendall(wanted.to_bytes(4, "big") + bytes(1400 if wanted > 8000 else 200))
                left = wanted
                while left > 0:
                    got = talk.recv(min(left, 65536))
                    if not got: raise OSError
                    left -= len(got)
                time.sleep(0.25)
    except OSError:
        time.sleep(1)
`;
const ANSWERER = `
import socket, threading
def serve(talk):
    talk.settimeout(None)
    def all_of(count):
        while count > 0:
            got = talk.recv(count)
            if not got: raise OSError
            count -= len(got); kept.append(got)
    while True:
        kept = []
        try:
            all_of(4); wanted = int.from_bytes(b"".join(kept), "big")
            all_of(1400 if wanted > 8000 else 200)
            talk.sendall(bytes(wanted))
        except OSError:
            return
with socket.create_server(("0.0.0.0", ${PORT})) as door:
    while True:
        threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
`;
const CONFIG = `apiVersion: awg/v1
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /etc/awg/office.key }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: OFFICE_KEY, endpoint: "198.51.100.7:51820", allowedIPs: [0.0.0.0/0], persistentKeepalive: 15 }]
  home:
    protocol: wireguard
    privateKey: { file: /etc/awg/home.key }
    addresses: [10.9.0.2/32]
    peers: [{ publicKey: HOME_KEY, endpoint: "203.0.113.20:51821", allowedIPs: [10.9.0.0/24], persistentKeepalive: 15 }]
rules:
  - { name: media, apps: [{ dir: /opt/jellyfin }], via: home }
  - { name: backup, apps: [{ path: /usr/local/bin/restic }], via: direct }
default: { via: office, fallback: block }
killSwitch: { enabled: true }
`;

/**
 * A host as people have it: two tunnels with traffic, programs by name, its own process list and folders. It is used for
 * the pictures of the docs, and where a test needs a page with everything on it.
 */
export class Showcase {
  readonly host: TestNamespace;
  readonly #servers: TestNamespace;
  readonly #program: string;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  #holder = 0;

  /**
   * @param program what node runs: the built awg
   * @param folder an empty one, for its files
   */
  constructor(program: string, folder: string) {
    this.#program = program;
    this.#folder = folder;
    this.host = makeNamespace("show");
    this.#servers = makeNamespace("far");
  }

  /** Brings all up to the daemon and its API. */
  async start(): Promise<void> {
    this.#connect();
    const keys = await this.#startServers();
    await this.#startHolder();
    this.inside(["mkdir", "-p", "/etc/awg", "/opt", "/usr/local/bin", "/run/awg"]);
    for (const { name } of SERVERS) this.write(`/etc/awg/${name}.key`, keys.clients[name] ?? "");
    this.writeConfig(
      CONFIG.replace("OFFICE_KEY", keys.servers["office"] ?? "").replace("HOME_KEY", keys.servers["home"] ?? ""),
    );
    for (const { path } of PROGRAMS) {
      this.inside(["mkdir", "-p", path.slice(0, path.lastIndexOf("/"))]);
      this.inside(["cp", readPython(), path]);
    }
    await this.startDaemon();
    this.write("/etc/awg/next.yaml", this.config.replace("rules:\n", NEXT_RULES));
    await this.run(["awg", "api", "-f", "/etc/awg/next.yaml"], "answering on ");
    for (const { path, to, kilobytes } of PROGRAMS) {
      await this.run([...AS_VIEWER, path, "-c", TALKER, to, `${kilobytes}`]);
    }
  }

  startDaemon(): Promise<ChildProcess> {
    return this.run(["awg", "daemon", "--foreground", "-f", "/etc/awg/config.yaml"], "in sync").then(
      ({ child }) => child,
    );
  }

  /** The address of the dashboard with its code, for a user of the host. */
  async openUi(words: readonly string[] = []): Promise<string> {
    const { said } = await this.run([...words, "awg", "ui"], "#");
    return /http:\/\/127\.0\.0\.1:[0-9]+\/#\S+/.exec(said)?.[0] ?? "";
  }

  /** Runs a command inside to its end. */
  inside(words: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync("nsenter", this.#enter(words), { encoding: "utf8", timeout: 60_000 });
    if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }

  write(path: string, text: string): void {
    const { status } = spawnSync("nsenter", this.#enter(["sh", "-c", `umask 077; cat > ${path}`]), { input: text });
    if (status !== 0) throw new Error(`${path} cannot be written`);
  }

  get config(): string {
    return this.inside(["cat", "/etc/awg/config.yaml"]);
  }

  writeConfig(text: string): void {
    this.write("/etc/awg/config.yaml", text);
  }

  /** Starts a process inside that stays; with a text, waits until its output has it. */
  async run(words: readonly string[], text?: string): Promise<{ readonly child: ChildProcess; readonly said: string }> {
    const child = spawn("nsenter", this.#enter(words));
    this.#children.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        said += part;
      });
    }
    for (const endMs = Date.now() + 60_000; text !== undefined && !said.includes(text); await sleep(50)) {
      if (Date.now() > endMs || child.exitCode !== null) throw new Error(`no "${text}": ${said}`);
    }
    return { child, said };
  }

  /** Ends all; with the first process of a process namespace the kernel ends the others. */
  async end(): Promise<void> {
    if (this.#holder > 0) process.kill(this.#holder, "SIGKILL");
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    this.host[Symbol.dispose]();
    this.#servers[Symbol.dispose]();
  }

  #connect(): void {
    const far = this.#servers;
    this.host.run(["ip", "link", "add", "wlan0", "type", "veth", "peer", "name", "gate", "netns", far.name]);
    this.host.run(["ip", "address", "add", "192.0.2.34/24", "dev", "wlan0"]);
    this.host.run(["ip", "link", "set", "wlan0", "up"]);
    this.host.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
    far.run(["ip", "address", "add", "192.0.2.1/24", "dev", "gate"]);
    far.run(["ip", "link", "set", "gate", "up"]);
    for (const { address } of SERVERS) far.run(["ip", "address", "add", `${address}/32`, "dev", "lo"]);
  }

  async #startServers(): Promise<{ servers: Record<string, string>; clients: Record<string, string> }> {
    const far = this.#servers;
    const [servers, clients]: [Record<string, string>, Record<string, string>] = [{}, {}];
    const newKey = (): string => far.run(["wg", "genkey"]).stdout.trim();
    const publicKey = (key: string): string => far.run(["wg", "pubkey"], { input: key }).stdout.trim();
    for (const [nth, { name, inside, port }] of SERVERS.entries()) {
      const [device, key, client] = [`s${nth}${process.pid.toString(36)}`, newKey(), newKey()];
      const file = join(this.#folder, `${name}.key`);
      writeFileSync(file, key, { mode: 0o600 });
      const engine = spawn("ip", ["netns", "exec", far.name, "wireguard-go", "-f", device], { stdio: "ignore" });
      this.#children.push(engine);
      const words = ["wg", "set", device, "listen-port", `${port}`, "private-key", file];
      const peer = ["peer", publicKey(client), "allowed-ips", `${inside}.2/32`];
      for (const endMs = Date.now() + 20_000; ; await sleep(100)) {
        if (far.run([...words, ...peer], { mayFail: true }).status === 0) break;
        if (Date.now() > endMs) throw new Error("wireguard-go does not answer");
      }
      far.run(["ip", "address", "add", `${inside}.1/24`, "dev", device]);
      far.run(["ip", "link", "set", device, "up"]);
      [servers[name], clients[name]] = [publicKey(key), client];
    }
    this.#children.push(spawn("ip", ["netns", "exec", far.name, "python3", "-c", ANSWERER], { stdio: "ignore" }));
    return { servers, clients };
  }

  /** A process whose mounts, process list and network all others inside share. */
  async #startHolder(): Promise<void> {
    const layers = join(this.#folder, "layers");
    mkdirSync(layers);
    const overlay = (path: string): readonly string[] => {
      const [upper, work] = [`${layers}${path}/upper`, `${layers}${path}/work`];
      const options = `lowerdir=${path},upperdir=${upper},workdir=${work}`;
      return [`mkdir -p ${upper} ${work}`, `mount -t overlay overlay -o ${options} ${path}`];
    };
    const script = [
      `mount -t tmpfs tmpfs ${layers}`,
      ...["/etc", "/opt", "/usr/local", "/var/lib"].flatMap(overlay),
      ...["/run/awg", "/var/lib/awg"].map((path) => `mkdir -p ${path} && mount -t tmpfs -o mode=0700 tmpfs ${path}`),
      "mkdir -p /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup",
      ...ACCOUNTS,
      `mkdir -p ${LIB} && touch ${LIB}/awg && mount --bind ${process.execPath} ${LIB}/awg`,
      `ln -s ${this.#launcher()} /usr/local/bin/awg`,
      "echo ready",
      "exec sleep infinity",
    ].join(" && ");
    const words = [
      "netns",
      "exec",
      this.host.name,
      "unshare",
      "--mount",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
    ];
    const child = spawn("ip", [...words, "sh", "-c", script]);
    this.#children.push(child);
    child.stdout.setEncoding("utf8");
    child.stderr.pipe(process.stderr);
    await once(child.stdout, "data");
    const [inner] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    this.#holder = Number(inner);
  }

  /** The built package under a short path, with node beside it. */
  #launcher(): string {
    const file = join(this.#folder, "awg");
    writeFileSync(file, `#!/bin/sh\nexec ${LIB}/awg ${this.#program} "$@"\n`);
    chmodSync(file, 0o755);
    chmodSync(this.#folder, 0o711);
    return file;
  }

  #enter(words: readonly string[]): readonly string[] {
    return ["--target", `${this.#holder}`, "--mount", "--pid", "--net", "--", ...words];
  }
}

function readPython(): string {
  return spawnSync("readlink", ["-f", "/usr/bin/python3"], { encoding: "utf8" }).stdout.trim();
}
