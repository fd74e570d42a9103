import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { waitFor } from "./command.ts";

const scripts = fileURLToPath(new URL("../python/", import.meta.url));

/** The distribution's Python, because a version manager's shim needs files that nobody may not read. */
export const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** A helper process of the lab. It ends when its stdin ends, so it cannot outlive a killed test run. */
export class Tethered implements AsyncDisposable {
  readonly lines: string[] = [];
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly closed: Promise<void>;
  private rest = "";
  private complaint = "";

  constructor(script: string, args: readonly string[]) {
    this.child = spawn(python, ["-B", scripts + script, ...args]);
    this.child.stdin.on("error", () => undefined);
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => this.take(text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.complaint = (this.complaint + text).slice(-4000);
    });
    this.closed = new Promise((resolve) => this.child.on("close", () => resolve()));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** What the process wrote to stderr, at most its last 4,000 characters. */
  get stderr(): string {
    return this.complaint;
  }

  /** The first printed line that the test accepts; throws with stderr when the process ended or said nothing in time. */
  async line(what: string, accepts: (line: string) => boolean): Promise<string> {
    try {
      return await waitFor(what, () => {
        const found = this.lines.find(accepts);
        if (found === undefined && this.child.exitCode !== null) throw new Error(`the process ended before: ${what}`);
        return found;
      });
    } catch (cause) {
      throw new Error(`${(cause as Error).message}: ${this.complaint}`, { cause });
    }
  }

  /** Ends the process by closing its stdin and waits until it is gone. */
  async end(): Promise<void> {
    this.child.stdin.end();
    const killer = setTimeout(() => this.child.kill("SIGKILL"), 20_000);
    await this.closed;
    clearTimeout(killer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  private take(text: string): void {
    const parts = (this.rest + text).split("\n");
    this.rest = parts.pop() ?? "";
    this.lines.push(...parts);
  }
}
