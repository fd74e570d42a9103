import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findPlace } from "../../src/host/linux/classifier/classifier-place.ts";
import type { DesktopSession, RunAsUser } from "../../src/host/linux/desktop-notifications.ts";
import type { ClassifierHook } from "../../src/model/program/classifier.ts";
import type { OtherPrograms } from "./contract-world.ts";

const IP = "ip";
const WIREGUARD_GO = "wireguard-go";
const RESOLV_CONF = "/etc/resolv.conf";
const LONGEST_MS = 30_000;
const SOMEBODY = 1000;

/** Waits, at most 30 s. */
export async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error("it did not come about in 30 s");
    await sleep(10);
  }
}

/** Desktop sessions below a folder that stands for /: notify-send is a double, everything before it is awg's own. */
export class FakeDesktop {
  readonly root: string;
  readonly shown: string[] = [];
  #isBroken = false;

  constructor(root: string) {
    this.root = root;
    mkdirSync(`${root}/usr/bin`, { recursive: true });
    writeFileSync(`${root}/usr/bin/notify-send`, "", { mode: 0o755 });
  }

  readonly run: RunAsUser = async ({ uid }: DesktopSession, path, args) => {
    if (path !== "/usr/bin/notify-send" || uid !== SOMEBODY) throw new Error(`${path} as ${uid}`);
    if (!this.#isBroken) this.shown.push(args.slice(args.indexOf("--") + 1).join("|"));
  };

  set(state: "there" | "nobody" | "broken"): void {
    const folder = `${this.root}/run/user/${SOMEBODY}`;
    this.#isBroken = state === "broken";
    rmSync(folder, { recursive: true, force: true });
    if (state === "nobody") return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/bus`, "");
    chownSync(`${folder}/bus`, SOMEBODY, SOMEBODY);
  }
}

/** What others do to this network namespace, and to the folder that stands for / of services. Disposing ends what it began. */
export class LinuxOtherPrograms implements OtherPrograms, Disposable {
  readonly #uplink: string;
  readonly #unitFile: string;
  readonly #desktop: FakeDesktop;
  readonly #children = new Map<number, ChildProcess>();

  constructor(uplink: string, unitFile: string, desktop: FakeDesktop) {
    this.#uplink = uplink;
    this.#unitFile = unitFile;
    this.#desktop = desktop;
  }

  addDevice(name: string): void {
    ip("link", "add", name, "type", "veth", "peer", "name", "other0");
    // A route needs a device that is up.
    ip("link", "set", name, "up");
    ip("link", "set", "other0", "up");
  }

  addRoute(table: number, destination: string): void {
    ip("route", "add", destination, "dev", this.#uplink, "table", String(table));
  }

  addRule(preference: number): void {
    ip("rule", "add", "preference", String(preference), "from", "192.0.2.77", "lookup", "main");
  }

  detachClassifier(hook: ClassifierHook): void {
    const place = findPlace();
    if (place === undefined) throw new Error("no classifier can be here");
    rmSync(`${place.folder}/${hook}`);
  }

  deleteOurs({ preference }: { readonly preference: number }): void {
    ip("rule", "delete", "preference", String(preference));
  }

  addQuickRoute(device: string, destination: string): void {
    ip("-4", "route", "add", destination, "dev", device);
  }

  removeDevice(name: string): void {
    ip("link", "delete", name);
  }

  readResolver(): string {
    return readFileSync(RESOLV_CONF, "utf8");
  }

  writeResolver(text: string): void {
    writeFileSync(RESOLV_CONF, text);
  }

  async startProcess(): Promise<number> {
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    const pid = child.pid ?? 0;
    this.#children.set(pid, child);
    // The kernel gives its name before its arguments (fs/exec.c, begin_new_exec; fs/binfmt_elf.c, create_elf_tables).
    await until(() => readFileSync(`/proc/${pid}/cmdline`, "utf8") === ["sleep", "600", ""].join("\0"));
    return pid;
  }

  endProcess(pid: number): void {
    this.#children.get(pid)?.kill("SIGKILL");
    this.#children.delete(pid);
  }

  async openSocket() {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { address, port } = server.address() as AddressInfo;
    return {
      tuple: { protocol: "tcp", local: { address, port } } as const,
      pid: process.pid,
      close: () => void server.close(),
    };
  }

  writeService(text: string | null): void {
    mkdirSync(dirname(this.#unitFile), { recursive: true });
    if (text === null) rmSync(this.#unitFile, { force: true });
    else writeFileSync(this.#unitFile, text);
  }

  approve(): never {
    throw new Error("only macOS has system extensions");
  }

  screen(state: "there" | "nobody" | "broken"): void {
    this.#desktop.set(state);
  }

  async startEngine(device: string): Promise<number> {
    const child = spawn(WIREGUARD_GO, ["-f", device], { stdio: "ignore", env: { PATH: process.env["PATH"] } });
    const pid = child.pid ?? 0;
    this.#children.set(pid, child);
    await until(() => existsSync(`/sys/class/net/${device}`));
    return pid;
  }

  [Symbol.dispose](): void {
    for (const pid of [...this.#children.keys()]) this.endProcess(pid);
  }
}

function ip(...words: readonly string[]): void {
  execFileSync(IP, words, { timeout: LONGEST_MS, stdio: ["ignore", "ignore", "inherit"] });
}
