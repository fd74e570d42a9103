import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";

const SHELL = "/bin/bash";

/** A program with a file of its own that runs in a network namespace as a user, and sends a datagram every now and then. */
export class ResidentProgram implements Disposable {
  readonly file: string;
  readonly #folder = temporaryFolder("program");
  readonly #child: ChildProcess;

  constructor(namespace: string, user: number, address: string, port: number) {
    chmodSync(this.#folder, 0o755);
    this.file = join(this.#folder, `sender-${user}`);
    copyFileSync(SHELL, this.file);
    const send = `while sleep 0.2; do echo awg >/dev/udp/${address}/${port}; done`;
    const become = [
      "setpriv",
      "--reuid",
      String(user),
      "--regid",
      String(user),
      "--clear-groups",
      this.file,
      "-c",
      send,
    ];
    this.#child = spawn("ip", ["netns", "exec", namespace, ...become], { stdio: "ignore" });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.file} did not start`);
    return pid;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
