import { execFile, spawnSync } from "node:child_process";

/** What a finished command left. */
export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const defaultTimeoutMs = 60_000;

/**
 * Runs a program to its end without a shell. Throws with its stderr unless it exits 0; the time limit is there only
 * so that a hung program fails the test instead of the whole run.
 */
export async function run(argv: readonly string[], input = "", timeoutMs = defaultTimeoutMs): Promise<string> {
  const finished = await tryRun(argv, input, timeoutMs);
  if (finished.status !== 0) {
    throw new Error(`${argv.join(" ")} exited ${finished.status}: ${finished.stderr || finished.stdout}`);
  }
  return finished.stdout;
}

/** As `run`, but gives the exit status back instead of throwing. */
export function tryRun(
  argv: readonly string[],
  input = "",
  timeoutMs = defaultTimeoutMs,
  environment?: Readonly<Record<string, string | undefined>>,
): Promise<Finished> {
  const [program = "", ...rest] = argv;
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: 256 << 20, ...(environment && { env: { ...environment } }) };
    const child = execFile(program, rest, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
      resolve({ status: code, stdout, stderr: stderr || (error !== null && code === 255 ? error.message : "") });
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

/** True when a program of that name is on PATH. */
export function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" }).status === 0;
}

/** Waits until the condition gives something other than undefined or false; throws naming what it waited for. */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  limitMs = 30_000,
  intervalMs = 20,
): Promise<NonNullable<T>> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false && value !== null) return value;
    if (Date.now() > end) throw new Error(`waited ${limitMs / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
