import { type ChildProcess, spawn } from "node:child_process";
import { waitFor } from "../lab/world/command.ts";
import type { AwgInWorld } from "./awg-in-world.ts";

const limitMs = 400_000;
/** The deadlines are seconds away; a busy machine may take much longer to act on them. */
const patienceMs = 120_000;

/** `awg apply` that waits to be confirmed. */
export class Waiting implements AsyncDisposable {
  private readonly child: ChildProcess;
  private reported = "";

  private constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.reported += text;
      });
    }
  }

  static async begin(
    awg: AwgInWorld,
    config: string,
    within: string | undefined,
    environment: Record<string, string> = {},
  ): Promise<Waiting> {
    const asked = within === undefined ? [] : ["--confirm-within", within];
    const [program = "", ...words] = awg.argv("apply", "-f", config, "--auto-approve", ...asked);
    const waiting = new Waiting(spawn(program, words, { env: { ...process.env, ...environment } }));
    const isWaiting = async (): Promise<true | undefined> => {
      if (waiting.child.exitCode !== null) throw new Error(`awg apply ended: ${waiting.reported}`);
      return waiting.reported.includes("not confirmed") ? true : undefined;
    };
    await waitFor("awg apply to wait", isWaiting, limitMs);
    return waiting;
  }

  /** kill -9 of awg apply itself: `unshare` and awg outside the namespace became it by execve. */
  kill(): void {
    this.child.kill("SIGKILL");
  }

  async ended(): Promise<number | null> {
    await waitFor(
      "awg apply to end",
      async () => this.child.exitCode ?? this.child.signalCode ?? undefined,
      patienceMs,
    );
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
  }
}
