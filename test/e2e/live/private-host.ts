import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SMALL_HEAP, SMALL_YOUNG_GENERATION, withNodeOptions } from "../../../src/resources/service/node-options.ts";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import type { CommandResult } from "../../support/netns.ts";

/** Groups of this host, whatever the real one has. */
export const GROUPS = { awg: 2001, "awg-viewer": 2002, ops: 2003 } as const;
/** Users that no group names; what setpriv gives them is all they have. */
const USER = 20_001;

/** Everything of it goes with its namespaces: /etc, /run and the state are its own, and so are its processes. */
const SETUP = `
set -eu
mount -t tmpfs tmpfs /mnt && cp -a /etc/. /mnt/ && mount --move /mnt /etc
mount -t tmpfs -o mode=0755 tmpfs /run && mkdir -p /run/wireguard
mkdir -p /var/lib/awg && mount -t tmpfs -o mode=0700 tmpfs /var/lib/awg
sed -i '/^awg/d' /etc/group
printf '${Object.entries(GROUPS)
  .map(([name, gid]) => `${name}:x:${gid}:`)
  .join("\\n")}\\n' >>/etc/group
ip link set lo up
ip link add v0 type veth peer name v1
ip address add 192.0.2.2/24 dev v0
ip link set v0 up
ip link set v1 up
ip route add default via 192.0.2.1
echo ready
exec sleep infinity
`;

/** Who runs a command: words of setpriv(1), or of unshare(1) for the root of a user namespace. */
export const WHO = {
  root: [],
  "admin by primary group": asUser(GROUPS.awg),
  "admin by supplementary group": asUser(USER, GROUPS.awg),
  "viewer by primary group": asUser(GROUPS["awg-viewer"]),
  "viewer by supplementary group": asUser(USER, GROUPS["awg-viewer"]),
  "another group": asUser(GROUPS.ops),
  stranger: asUser(USER),
  "root of a user namespace": [...asUser(USER), "unshare", "--user", "--map-root-user"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

function asUser(gid: number, ...others: readonly number[]): readonly string[] {
  const groups = others.length === 0 ? "--clear-groups" : `--groups=${others.join(",")}`;
  return ["setpriv", `--reuid=${USER}`, `--regid=${gid}`, groups];
}

/**
 * A host as awg sees it, in namespaces for network, mounts and processes: process 1 has its network namespace, so awg's
 * sockets have their usual names. It has the groups awg and awg-viewer, an uplink to nobody and a config with a tunnel.
 */
export class PrivateHost {
  readonly folder: string;
  readonly #program: string;
  readonly #first: ChildProcess;
  readonly #children: ChildProcess[] = [];
  readonly pid: number;

  /** @param folder for the files of its config */
  static async make(folder: string, program: string): Promise<PrivateHost> {
    const kinds = ["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"];
    // It ends with this process, whatever ends that.
    const words = ["--pdeathsig", "KILL", "unshare", ...kinds, "sh", "-c", SETUP];
    const first = spawn("setpriv", words, { stdio: ["ignore", "pipe", "ignore"] });
    await once(first.stdout, "data");
    return new PrivateHost(folder, program, first, childOf(first));
  }

  private constructor(folder: string, program: string, first: ChildProcess, pid: number) {
    this.#program = program;
    this.#first = first;
    this.pid = pid;
    this.folder = folder;
    writePrivateKey(this.folder);
    writeFileSync(this.config, tunnelConfig({ tunnel: "office", keyFile: join(this.folder, "key") }));
  }

  get config(): string {
    return join(this.folder, "c.yaml");
  }

  /** A path of this host as the test sees it. */
  outside(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  inside(words: readonly string[], who: readonly string[] = []): readonly string[] {
    return ["nsenter", "-t", String(this.pid), "-n", "-m", "-p", "--", ...who, ...words];
  }

  argv(...words: readonly string[]): readonly string[] {
    return [process.execPath, this.#program, ...words];
  }

  run(words: readonly string[], who: readonly string[] = [], input?: string): CommandResult {
    const [command = "", ...rest] = this.inside(words, who);
    const { status, stdout, stderr } = spawnSync(command, rest, {
      encoding: "utf8",
      timeout: 60_000,
      ...(input === undefined ? {} : { input }),
    });
    return { status, stdout: stdout ?? "", stderr: stderr ?? "" };
  }

  awg(...words: readonly string[]): CommandResult {
    return this.run(this.argv(...words));
  }

  /** Starts a process that stays, and waits until its output has this text; gives its pid as the test sees it. */
  async start(words: readonly string[], text: string, who: readonly string[] = []): Promise<number> {
    const [command = "", ...rest] = this.inside(words, who);
    const child = spawn(command, rest);
    this.#children.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        said += part;
      });
    }
    for (const endMs = Date.now() + 60_000; !said.includes(text); await sleep(20)) {
      if (Date.now() > endMs || child.exitCode !== null) throw new Error(`no "${text}": ${said}`);
    }
    return childOf(child);
  }

  /** As its unit starts it. */
  startDaemon(): Promise<number> {
    const words = withNodeOptions(this.argv("daemon", "--foreground", "-f", this.config), SMALL_YOUNG_GENERATION);
    return this.start(words, "in sync");
  }

  /** As its unit starts it. */
  startApi(): Promise<number> {
    return this.start(withNodeOptions(this.argv("api"), SMALL_HEAP), "answering on ");
  }

  /** Its process 1 ends, and with it every process and namespace. */
  async end(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    // nsenter(1) stops itself when its child is stopped, and the namespace ends when all of it is reaped.
    for (const child of this.#children) child.kill("SIGCONT");
    for (const child of [this.#first, ...this.#children]) {
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  }
}

/** unshare(1) and nsenter(1) start the command as their child. */
function childOf({ pid }: ChildProcess): number {
  const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
  if (child > 0) return child;
  throw new Error(`process ${pid} has no child`);
}
