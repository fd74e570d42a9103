import { spawn } from "node:child_process";
import { AwgError } from "../../model/error.ts";

/** A program's output and exit status; -1 when a signal or the time limit ended it. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of a program of macOS: an absolute path, arguments as a list (never a shell), and its standard input. */
export interface Command {
  readonly path: string;
  readonly args: readonly string[];
  readonly input?: string;
  /** Milliseconds after which it is killed; 30,000 unless given. */
  readonly timeoutMs?: number;
}

/** Runs programs; tests replace pfctl, scutil, launchctl and others here. */
export type RunCommand = (command: Command) => Promise<CommandResult>;

const LONGEST_RUN_MS = 30_000;
const LONGEST_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs the program with a fixed locale and PATH as its only environment, so that its output can be parsed. */
export const runCommand: RunCommand = ({ path, args, input = "", timeoutMs = LONGEST_RUN_MS }) =>
  new Promise((done, failed) => {
    const child = spawn(path, args, {
      env: { LC_ALL: "C", PATH: "/usr/bin:/bin:/usr/sbin:/sbin" },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    const keep = (into: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size <= LONGEST_OUTPUT_BYTES) into.push(chunk);
      else child.kill("SIGKILL");
    };
    child.stdout.on("data", keep(stdout));
    child.stderr.on("data", keep(stderr));
    child.stdin.on("error", () => undefined);
    child.on("error", (cause) => {
      failed(new AwgError("host", `cannot run ${path}: ${cause.message}`, { cause }));
    });
    child.on("close", (status) => {
      done({
        status: status ?? -1,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8"),
      });
    });
    child.stdin.end(input);
  });
