import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DeviceSwitch } from "../../../../src/app/apply/fallback.ts";
import type { AskedCase, CaseAnswer, ScriptOrder } from "./explain.script.ts";

const SCRIPT = join(import.meta.dirname, "explain.script.ts");

/** One process in a namespace that explains many flows, and puts fallbacks in force as the daemon does. */
export class Explainer implements AsyncDisposable {
  readonly #namespace: string;
  readonly #stateDir: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #lines: AsyncIterator<string> | undefined;
  #complaint = "";

  constructor(namespace: string, stateDir: string) {
    this.#namespace = namespace;
    this.#stateDir = stateDir;
  }

  explain(questions: readonly AskedCase[]): Promise<readonly CaseAnswer[]> {
    return this.#ask({ questions }) as Promise<readonly CaseAnswer[]>;
  }

  async switchPaths(switches: readonly DeviceSwitch[]): Promise<void> {
    await this.#ask({ switches });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.stdin.end();
    this.#child?.kill("SIGKILL");
  }

  async #ask(order: ScriptOrder): Promise<unknown> {
    const { stdin } = this.#started();
    stdin.write(`${JSON.stringify(order)}\n`);
    const { value } = (await this.#lines?.next()) ?? {};
    if (value === undefined) throw new Error(`the explaining process ended: ${this.#complaint}`);
    return JSON.parse(value);
  }

  #started(): ChildProcessWithoutNullStreams {
    if (this.#child !== undefined) return this.#child;
    const node = [process.execPath, "--disable-warning=ExperimentalWarning", SCRIPT, this.#stateDir];
    const child = spawn("ip", ["netns", "exec", this.#namespace, ...node]);
    child.stdin.on("error", () => undefined);
    child.stderr.on("data", (data: Buffer) => {
      this.#complaint = (this.#complaint + data.toString()).slice(-4000);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#child = child;
    return child;
  }
}
