import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { type CommandResult, makeNamespace, type TestNamespace } from "../../support/netns.ts";

/** A namespace with an uplink, a config with one tunnel to nobody, and processes of awg in it. */
export class DaemonInNamespace {
  readonly host: TestNamespace;
  readonly folder: string;
  readonly tunnel: string;
  readonly #program: string;
  readonly #children: ChildProcess[] = [];

  constructor(name: string, program: string) {
    this.#program = program;
    this.folder = temporaryFolder(name);
    this.tunnel = `${name.charAt(0)}${process.pid.toString(36)}`.slice(0, 10);
    this.host = makeNamespace(name);
    this.host.run(["ip", "link", "set", "lo", "up"]);
    this.host.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    this.host.run(["ip", "address", "add", "192.0.2.2/24", "dev", "v0"]);
    for (const link of ["v0", "v1"]) this.host.run(["ip", "link", "set", link, "up"]);
    this.host.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
    writePrivateKey(this.folder);
    writeFileSync(this.config, tunnelConfig({ tunnel: this.tunnel, keyFile: join(this.folder, "key") }));
  }

  get config(): string {
    return join(this.folder, "c.yaml");
  }

  argv(...args: readonly string[]): readonly string[] {
    return [process.execPath, this.#program, ...args, "--state-dir", join(this.folder, "s")];
  }

  awg(...args: readonly string[]): CommandResult {
    return this.host.run(this.argv(...args), { mayFail: true });
  }

  /** Starts a process that stays, and waits until its output has this text; gives that output. */
  async start(
    words: readonly string[],
    text: string,
  ): Promise<{ readonly child: ChildProcess; readonly said: string }> {
    const child = spawn("ip", ["netns", "exec", this.host.name, ...words]);
    this.#children.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        said += part;
      });
    }
    for (const endMs = Date.now() + 60_000; !said.includes(text); await sleep(50)) {
      if (Date.now() > endMs || child.exitCode !== null) throw new Error(`no "${text}": ${said}`);
    }
    return { child, said };
  }

  startDaemon(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
    return this.start(this.argv("daemon", "--foreground", "-f", this.config), "in sync");
  }

  async end(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    this.awg("destroy", "--auto-approve");
    this.host[Symbol.dispose]();
  }
}
