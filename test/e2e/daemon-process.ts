import { type ChildProcess, spawn } from "node:child_process";
import { waitFor } from "../lab/world/command.ts";

const LONGEST_MS = 90_000;

/** The daemon as a process of the test, with all that it reported. */
export class DaemonProcess implements AsyncDisposable {
  private readonly argv: readonly string[];
  private child: ChildProcess | undefined;
  reported = "";

  constructor(argv: readonly string[]) {
    this.argv = argv;
  }

  start(): void {
    const [program = "", ...words] = this.argv;
    this.child = spawn(program, words);
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.reported += text;
    });
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.on("exit", resolve));
    // `ip netns exec` became the daemon itself by execve.
    child.kill("SIGKILL");
    await gone;
  }

  /** Waits for a condition; a failure quotes what the daemon reported. */
  async until(what: string, holds: () => boolean | Promise<boolean>, limitMs = LONGEST_MS): Promise<void> {
    await waitFor(what, holds, limitMs, 250).catch((cause) => {
      throw new Error(`${cause.message}; the daemon reported:\n${this.reported}`, { cause });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
