import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../../repository/sources.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle } from "../../../support/netns.ts";

const SYSTEMD = "/lib/systemd/systemd";
const BOOT = fileURLToPath(new URL("./boot-systemd.sh", import.meta.url));
const AWG = join(ROOT, "src/cli/awg.ts");
const LONGEST_MS = 60_000;
/** What outlives a reboot, of what the tests write. */
const PERSISTENT = [
  "etc/systemd/system",
  "etc/awg",
  "etc/passwd",
  "etc/group",
  "etc/shadow",
  "etc/gshadow",
  "var/lib/awg",
];
/** Targets that units of any distribution lean on, empty here, so that nothing of this machine is started. */
const TARGETS = ["sysinit", "basic", "shutdown", "multi-user", "network", "network-pre", "local-fs"];

/** What a command in that machine gave back. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why systemd cannot be run here; undefined when it can be tried. */
export function systemdObstacle(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  if (ROOT.startsWith("/tmp/")) return "needs a checkout outside /tmp, which the units hide";
  if (!existsSync(SYSTEMD) || !existsSync("/usr/bin/systemctl")) return "needs systemd";
  if (cgroupRoot() === undefined) return "needs a cgroup v2 tree";
  return commandObstacle("unshare", "nsenter", "nft");
}

/** systemd as the init of namespaces of its own: processes, mounts, network, cgroups. */
export class SystemdMachine implements AsyncDisposable {
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #child: ChildProcess;
  #pid = 0;

  private constructor(folder: string, cgroup: string, child: ChildProcess) {
    this.#folder = folder;
    this.#cgroup = cgroup;
    this.#child = child;
  }

  /**
   * Boots until the target is reached; undefined when systemd does not come up in this environment.
   *
   * @param kept files that lie over the machine's, as `stop` of an earlier one left them
   */
  static async boot(kept: string, units: Readonly<Record<string, string>> = {}): Promise<SystemdMachine | undefined> {
    const folder = temporaryFolder("t-systemd");
    for (const name of ["scratch", "units"]) mkdirSync(join(folder, name));
    const empty = "[Unit]\nDefaultDependencies=no\n";
    const all = { ...Object.fromEntries(TARGETS.map((name) => [`${name}.target`, empty])), ...units };
    const wanted = ["sysinit.target", "multi-user.target", ...Object.keys(units)].join(" ");
    const target = `${empty}Wants=${wanted}\nAfter=${wanted}\n`;
    for (const [name, text] of Object.entries({ ...all, "awg-test.target": target })) {
      writeFileSync(join(folder, "units", name), text);
    }
    const cgroup = join(cgroupRoot() ?? "", `t-${process.pid}-${folder.slice(-6)}`);
    mkdirSync(cgroup);
    const own = ["--pid", "--fork", "--mount", "--net", "--uts", "--ipc", "--cgroup", "--kill-child"];
    const join1 = `echo $$ > "$0/cgroup.procs" && exec unshare ${own.join(" ")} "$@"`;
    const args = [join1, cgroup, BOOT, join(folder, "scratch"), join(folder, "units"), kept, ROOT];
    const child = spawn("/bin/sh", ["-c", ...args], { stdio: "ignore" });
    const machine = new SystemdMachine(folder, cgroup, child);
    if (await machine.#comesUp()) return machine;
    await machine[Symbol.asyncDispose]();
    return undefined;
  }

  /** Runs a command as root of that machine. */
  run(argv: readonly string[], input = ""): Ran {
    const spaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd"];
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", NO_COLOR: "1" };
    const args = ["--target", String(this.#pid), ...spaces, ...argv];
    return spawnSync("nsenter", args, { encoding: "utf8", input, env, timeout: 90_000 });
  }

  /** Runs awg's command line there. */
  awg(...words: readonly string[]): Ran {
    return this.run([process.execPath, "--disable-warning=ExperimentalWarning", AWG, ...words]);
  }

  isActive(unit: string): boolean {
    return this.run(["systemctl", "is-active", unit]).stdout.trim() === "active";
  }

  write(path: string, text: string): void {
    const file = this.#at(path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
  }

  read(path: string): string | undefined {
    return existsSync(this.#at(path)) ? readFileSync(this.#at(path), "utf8") : undefined;
  }

  /** Ends it as a power cut would, and puts what outlives that into a folder for the next boot. */
  async cutPower(kept: string): Promise<void> {
    // With owners and modes, which awg looks at before it believes a file.
    for (const path of PERSISTENT.filter((one) => existsSync(this.#at(`/${one}`)))) {
      mkdirSync(dirname(join(kept, path)), { recursive: true });
      spawnSync("cp", ["-aT", this.#at(`/${path}`), join(kept, path)], { timeout: LONGEST_MS });
    }
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await until(() => {
      for (const path of [...globSync(`${this.#cgroup}/**/`), this.#cgroup].toSorted((a, b) => b.length - a.length)) {
        try {
          rmdirSync(path);
        } catch {
          // Its processes are still ending.
        }
      }
      return !existsSync(this.#cgroup);
    });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #comesUp(): Promise<boolean> {
    return await until(() => {
      if (this.#child.exitCode !== null) return false;
      const children = spawnSync("pgrep", ["-P", String(this.#child.pid)], { encoding: "utf8", timeout: 10_000 });
      this.#pid = Number(children.stdout.trim().split("\n")[0]);
      if (!(this.#pid > 0)) return false;
      return this.isActive("awg-test.target");
    });
  }

  #at(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }
}

/** Looks until it is so; false after a generous while. */
export async function until(isSo: () => boolean): Promise<boolean> {
  const end = performance.now() + LONGEST_MS;
  while (!isSo()) {
    if (performance.now() > end) return false;
    await sleep(300);
  }
  return true;
}

function cgroupRoot(): string | undefined {
  const root = /^\S+ (\S+) cgroup2 /m.exec(readFileSync("/proc/self/mounts", "utf8"))?.[1];
  return root === undefined || !existsSync(join(root, "cgroup.procs")) ? undefined : root;
}
